package testcluster

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Cluster is one control plane and what a test does to it.
type Cluster struct {
	t       testing.TB
	binary  string
	dir     string
	listen  string
	config  *rest.Config
	client  kubernetes.Interface
	process *chaos.Process // nil while it is stopped
}

// New starts a cluster, which ends with the test. Until it stands, the test waits.
func New(t testing.TB) *Cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "kube") // t.TempDir's paths are too long for etcd's sockets
	require.NoError(t, err)
	c := &Cluster{t: t, binary: Tool(t, ".", "controlplane"), dir: dir, listen: freeAddress(t)}
	t.Cleanup(c.remove)
	c.Start()
	c.config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	require.NoError(t, err)
	c.config.QPS = -1 // a test has no patience with itself
	c.client, err = kubernetes.NewForConfig(c.config)
	require.NoError(t, err)
	c.addNode()
	return c
}

// remove ends the cluster. Where the test failed, the end of what the cluster logged stands in the test's output.
func (c *Cluster) remove() {
	if c.process != nil {
		if c.t.Failed() {
			c.t.Logf("the control plane complained:\n%s", c.complaints())
		}
		c.Kill()
	}
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Errorf("control plane %s: %v", c.listen, err)
	}
}

// Kubeconfig is the path of a kubeconfig that may do everything.
func (c *Cluster) Kubeconfig() string { return c.path("admin.kubeconfig") }

// Config is what Kubeconfig says, without a limit on requests.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Client may do everything.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// freeAddress returns a loopback address that nobody listens on, now at least.
func freeAddress(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
