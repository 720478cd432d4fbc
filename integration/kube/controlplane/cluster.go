package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is what all parts need to know.
type cluster struct {
	dir      string
	listen   netip.AddrPort
	services string // "CIDR[,CIDR]", as the API server's flag
	client   kubernetes.Interface
}

// newCluster makes the directory and, the first time, the certificates.
func newCluster(dir, listen, services string) (*cluster, error) {
	if dir == "" {
		return nil, errors.New("--dir: missing; a valid example is `--dir /tmp/east`")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(listen)
	if err != nil || addr.Port() == 0 {
		return nil, fmt.Errorf("--listen: %q is no address with a port; a valid example is `--listen 127.0.0.1:6443`", listen)
	}
	c := &cluster{dir: dir, listen: addr, services: services}
	if longest := len(c.path("etcd-peer.sock")); longest > 100 { // what Linux takes is 107 bytes
		return nil, fmt.Errorf("--dir: with %d bytes too long for a socket in it; a valid example is `--dir /tmp/east`", longest)
	}
	serviceAddrs, err := firstAddrs(services)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := c.issueOnce(append(serviceAddrs, addr.Addr())); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.path("admin.kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // no limit: this is the cluster itself, waiting for itself
	c.client, err = kubernetes.NewForConfig(config)
	return c, err
}

func (c *cluster) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c *cluster) url() string { return "https://" + c.listen.String() }

// firstAddrs returns the first address of each range: where the API server's own Service, `kubernetes`, is found.
func firstAddrs(ranges string) ([]netip.Addr, error) {
	var first []netip.Addr
	for text := range strings.SplitSeq(ranges, ",") {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--services: %q is no range of addresses; a valid example is `--services 10.96.0.0/16,fd00:96::/112`", text)
		}
		first = append(first, prefix.Masked().Addr().Next())
	}
	return first, nil
}

// serving waits until the API server says that it is ready.
func (c *cluster) serving(ctx context.Context) error {
	return until(ctx, func() bool {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil
	})
}

// usable waits until Pods and Services can be made: a Pod's namespace needs a service account, which a controller gives it, and
// a Service needs addresses, which an API server that says that it is ready may not have found yet.
func (c *cluster) usable(ctx context.Context) error {
	return until(ctx, func() bool {
		_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		if err == nil {
			_, err = c.client.CoreV1().Services("default").Create(ctx, c.probe(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		}
		return err == nil
	})
}

// probe is a Service that needs an address of each range.
func (c *cluster) probe() *corev1.Service {
	policy := corev1.IPFamilyPolicySingleStack
	if strings.Contains(c.services, ",") {
		policy = corev1.IPFamilyPolicyRequireDualStack
	}
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"},
		Spec:       corev1.ServiceSpec{IPFamilyPolicy: &policy, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

func until(ctx context.Context, condition func() bool) error {
	for !condition() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errStopped
		}
	}
	return nil
}
