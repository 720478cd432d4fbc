package testcluster

import (
	"context"
	"os"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Snapshot is a copy of all that a cluster knew at one moment.
type Snapshot struct{ dir string }

// Snapshot copies etcd's directory while the control plane stands still, so the copy is what a crash at this moment would
// leave behind, which etcd starts from. Clients see a pause of some milliseconds.
func (c *Cluster) Snapshot() Snapshot {
	c.t.Helper()
	dir, err := os.MkdirTemp(c.dir, "snapshot")
	require.NoError(c.t, err)
	if c.process != nil {
		c.Freeze()
		defer c.Thaw()
	}
	require.NoError(c.t, os.CopyFS(dir, os.DirFS(c.path("etcd"))))
	return Snapshot{dir: dir}
}

// Restore puts a snapshot in the place of what the cluster knows, as an operator in need would. Resource versions go back
// with it: numbers that clients have seen are given a second time, to other things. The control plane is killed, and runs
// again at the end.
func (c *Cluster) Restore(s Snapshot) {
	c.t.Helper()
	if c.process != nil {
		c.Kill()
	}
	require.NoError(c.t, os.RemoveAll(c.path("etcd")))
	require.NoError(c.t, os.CopyFS(c.path("etcd"), os.DirFS(s.dir)))
	require.NoError(c.t, os.Chmod(c.path("etcd"), 0o700)) // or etcd refuses it
	c.Start()
}

// Compact makes etcd forget all but the present: who asks for a list or a watch of an older version is told that it is gone
// (410), as far as the API server's own memory doesn't reach back to it.
func (c *Cluster) Compact() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + c.path("etcd.sock")}, Context: ctx})
	require.NoError(c.t, err)
	defer client.Close()
	now, err := client.Get(ctx, "/registry/none")
	require.NoError(c.t, err)
	_, err = client.Compact(ctx, now.Header.Revision)
	require.NoError(c.t, err)
}
