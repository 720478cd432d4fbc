package main

import (
	"context"
	_ "embed"
	"os"
	"strconv"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// runAPIServer runs kube-apiserver as its own command would, given these flags.
func (c *cluster) runAPIServer(ctx context.Context) error {
	if err := os.WriteFile(c.path("audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return err
	}
	opts := options.NewServerRunOptions()
	err := parse(opts.Flags(), map[string]string{
		"etcd-servers":             "unix://" + c.path("etcd.sock"),
		"bind-address":             c.listen.Addr().String(),
		"advertise-address":        c.listen.Addr().String(), // or it looks for an interface with a default route, which a machine may lack
		"secure-port":              strconv.Itoa(int(c.listen.Port())),
		"service-cluster-ip-range": c.services,
		"endpoint-reconciler-type": "none", // the API server's own address is a loopback one, which no Endpoints may have

		"cert-dir":                         c.path("pki"),
		"tls-cert-file":                    c.path("pki", "apiserver.crt"),
		"tls-private-key-file":             c.path("pki", "apiserver.key"),
		"client-ca-file":                   c.path("pki", "ca.crt"),
		"service-account-issuer":           "https://kubernetes.default.svc",
		"service-account-key-file":         c.path("pki", "serviceaccounts.key"),
		"service-account-signing-key-file": c.path("pki", "serviceaccounts.key"),
		"authorization-mode":               "RBAC",

		"audit-policy-file": c.path("audit-policy.yaml"),
		"audit-log-path":    c.path("audit.log"),
		"audit-log-maxsize": "4096", // MB: one file, so that a reader sees all of it
		"profiling":         "false",

		// Without these, it waits at its end for a minute for watches to end by themselves.
		"shutdown-send-retry-after":               "true",
		"shutdown-watch-termination-grace-period": "1s",
	})
	if err != nil {
		return err
	}
	if err := opts.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(opts.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	completed, err := opts.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return utilerrors.NewAggregate(errs)
	}
	return app.Run(ctx, completed)
}

// parse sets flags by their names.
func parse(sets cliflag.NamedFlagSets, values map[string]string) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	for name, value := range values {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}
