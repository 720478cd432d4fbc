// Command controlplane is a Kubernetes cluster without nodes: etcd, kube-apiserver and kube-controller-manager in one process,
// each the genuine code, built from Go modules.
//
//	controlplane --dir DIR --listen 127.0.0.1:6443
//
//	            controlplane, one process
//	┌───────────────────────────────────────────────────┐
//	│ etcd ◀─ unix socket ─ kube-apiserver ◀── TLS ─────│── kubectl, gateways, tests
//	│                              ▲                    │
//	│                              └─ TLS ─ controllers │
//	└───────────────────────────────────────────────────┘
//
// It prints one line, `ready` with its URL, once Pods and Services can be made, and runs until it is asked to stop. All that it
// keeps is in its directory, so another one started there goes on where this one stopped, however that was:
//
//	etcd/              what the cluster knows
//	pki/               certificates and keys, made once
//	admin.kubeconfig   may do everything
//	etcd.sock          for who wants to speak to etcd
//	audit.log          who asked for what: an audit event as JSON, a line
//
// Nothing runs Pods here: who wants them ready sets their status. Authorization is RBAC, and Services have IPv4 and IPv6.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := pflag.NewFlagSet("controlplane", pflag.ContinueOnError)
	dir := flags.String("dir", "", "directory for all that is kept; made where it is missing (required)")
	listen := flags.String("listen", "127.0.0.1:6443", "address of the API server")
	services := flags.String("services", "10.96.0.0/16,fd00:96::/112", "ranges of the Services' addresses, one for each family")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := newCluster(*dir, *listen, *services)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return c.run(ctx)
}

// run has all three parts running until ctx ends or one of them fails. etcd stops last, since the others still write to it.
func (c *cluster) run(ctx context.Context) error {
	store, err := c.startEtcd()
	if err != nil {
		return err
	}
	defer store.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(ctx, "kube-apiserver", c.runAPIServer(ctx)) })
	group.Go(func() error {
		if err := c.serving(ctx); err != nil {
			return err
		}
		return ended(ctx, "kube-controller-manager", c.runControllers(ctx))
	})
	group.Go(func() error {
		if err := c.usable(ctx); err != nil {
			return err
		}
		fmt.Println("ready", c.url())
		return nil
	})
	if err := group.Wait(); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// errStopped ends the group where nothing went wrong.
var errStopped = errors.New("asked to stop")

// ended says what it means that a part came back: nothing where it was asked to.
func ended(ctx context.Context, part string, err error) error {
	switch {
	case ctx.Err() != nil:
		return errStopped
	case err == nil:
		return fmt.Errorf("%s: ended by itself", part)
	}
	return fmt.Errorf("%s: %w", part, err)
}
