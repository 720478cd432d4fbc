package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// mesh is a whole mesh in one process: every gateway is the daemon that users run, on a host of its own in a simulated
// network. Its tests run inside a synctest bubble, so an hour costs seconds.
type mesh struct {
	t         *testing.T
	dir       string
	network   *chaos.Network
	authority *tunnel.Authority
	seeds     []string
	services  []file.Service
	gateways  map[registry.Gateway]*gateway
}

// gateway is one gateway of a mesh: what stays of it over restarts, and its process while it runs.
type gateway struct {
	self registry.Gateway
	addr netip.Addr
	host *chaos.Host
	web  net.Listener // the service beside it
	run  *process
}

type process struct {
	daemon *daemon.Daemon
	cancel context.CancelFunc
	ended  chan error
}

const meshPort = 7946

// newMesh runs test in a bubble with clusters of two gateways each, all started, all exporting web.shop.
func newMesh(t *testing.T, clusters []registry.Cluster, perCluster int, test func(m *mesh)) {
	dir := t.TempDir() // outside the bubble: it is removed in real time
	synctest.Test(t, func(t *testing.T) {
		authority, err := tunnel.NewAuthority("mesh.internal", time.Now(), 10*365*24*time.Hour)
		require.NoError(t, err)
		m := &mesh{t: t, dir: dir, network: chaos.NewNetwork(1), authority: authority, gateways: make(map[registry.Gateway]*gateway)}
		m.services = []file.Service{{
			Name: "web", Namespace: "shop", Export: "both", Affinity: "spread",
			Ports: []registry.Port{{Name: "http", Port: 8080}}, Endpoints: []string{"127.0.0.1:9001"},
		}}
		for i, cluster := range clusters {
			for j := range perCluster {
				self := registry.Gateway{Cluster: cluster, Name: fmt.Sprintf("%c-%d", cluster[0], j)}
				m.add(self, netip.AddrFrom4([4]byte{10, byte(i + 1), 0, byte(j + 1)}))
			}
			m.seeds = append(m.seeds, fmt.Sprintf("10.%d.0.1:%d", i+1, meshPort))
		}
		defer m.close()
		for _, g := range m.all() {
			m.start(g)
		}
		test(m)
	})
}

// add makes a gateway's host and identity; nothing runs yet.
func (m *mesh) add(self registry.Gateway, addr netip.Addr) *gateway {
	cert, key, err := m.authority.Issue(self, time.Now(), 365*24*time.Hour)
	require.NoError(m.t, err)
	g := &gateway{self: self, addr: addr}
	require.NoError(m.t, os.MkdirAll(m.path(g), 0o755))
	for name, content := range map[string][]byte{"ca.crt": m.authority.CertPEM(), "tls.crt": cert, "tls.key": key} {
		require.NoError(m.t, os.WriteFile(filepath.Join(m.path(g), name), content, 0o600))
	}
	m.gateways[self] = g
	return g
}

func (m *mesh) path(g *gateway) string {
	return filepath.Join(m.dir, string(g.self.Cluster)+"-"+g.self.Name)
}

// all returns the gateways in order.
func (m *mesh) all() []*gateway {
	names := slices.SortedFunc(maps.Keys(m.gateways), registry.Gateway.Compare)
	var all []*gateway
	for _, name := range names {
		all = append(all, m.gateways[name])
	}
	return all
}

func (m *mesh) of(clusters ...registry.Cluster) []*gateway {
	return slices.DeleteFunc(m.all(), func(g *gateway) bool { return !slices.Contains(clusters, g.self.Cluster) })
}

func (m *mesh) running() []*gateway {
	return slices.DeleteFunc(m.all(), func(g *gateway) bool { return g.run == nil })
}

func (m *mesh) config(g *gateway) daemon.Config {
	cfg := daemon.Defaults()
	cfg.Cluster, cfg.Gateway = string(g.self.Cluster), g.self.Name
	cfg.Mesh.Listen = netip.AddrPortFrom(g.addr, meshPort).String()
	cfg.Mesh.Seeds = m.seeds
	cfg.TLS = daemon.TLSConfig{CA: filepath.Join(m.path(g), "ca.crt"), Cert: filepath.Join(m.path(g), "tls.crt"), Key: filepath.Join(m.path(g), "tls.key")}
	cfg.DNS.Listen = "127.0.0.1:8053"
	cfg.Metrics = "127.0.0.1:7981"
	cfg.Data = filepath.Join(m.path(g), "data")
	cfg.Services = m.services
	return cfg
}

// start runs g on its host, with the service beside it, which answers every connection with its cluster's name.
func (m *mesh) start(g *gateway) {
	m.t.Helper()
	g.host = m.network.Host(g.addr)
	web, err := g.host.Listen(netip.MustParseAddrPort("127.0.0.1:9001"))
	require.NoError(m.t, err)
	g.web = web
	go serveName(web, string(g.self.Cluster)) // ends when web is closed
	log := zerolog.Nop()
	if testing.Verbose() {
		log = zerolog.New(zerolog.TestWriter{T: m.t}).With().Timestamp().Logger()
	}
	d, err := daemon.New(m.config(g), daemon.Options{Sockets: g.host, Log: log, Version: "test"})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	g.run = &process{daemon: d, cancel: cancel, ended: make(chan error, 1)}
	go func() { g.run.ended <- d.Run(ctx) }() // waited for in end
}

func serveName(listener net.Listener, name string) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprint(conn, name)
		conn.Close()
	}
}

// kill takes the power from g: its peers hear nothing more.
func (m *mesh) kill(gateways ...*gateway) {
	for _, g := range gateways {
		g.host.Crash()
	}
	for _, g := range gateways {
		m.end(g)
	}
}

// stop asks g to leave.
func (m *mesh) stop(g *gateway) {
	m.end(g)
	g.web.Close()
}

func (m *mesh) end(g *gateway) {
	if g.run == nil {
		return
	}
	g.run.cancel()
	if err := <-g.run.ended; err != nil && !errors.Is(err, net.ErrClosed) {
		m.t.Logf("%s ended: %v", g.self, err)
	}
	g.run = nil
}

// close ends everything and lets memberlist's last timers run out: it leaves goroutines behind that wait for them.
func (m *mesh) close() {
	for _, g := range m.all() {
		if g.run != nil {
			m.stop(g)
		}
	}
	m.network.Close()
	time.Sleep(2 * time.Minute)
}

// eventually waits until every one of the gateways sees what condition asks for, and fails after limit.
func (m *mesh) eventually(limit time.Duration, what string, gateways []*gateway, condition func(d *daemon.Daemon) error) time.Duration {
	m.t.Helper()
	start := time.Now()
	for _, g := range gateways {
		for {
			err := condition(g.run.daemon)
			if err == nil {
				break
			}
			if time.Since(start) > limit {
				require.NoError(m.t, err, "%s: %s after %s", g.self, what, limit)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return time.Since(start)
}

// whole asks for one ring of n, a link to each, and the service served by every cluster.
func whole(members, clusters int) func(*daemon.Daemon) error {
	return func(d *daemon.Daemon) error {
		alive, up := 0, 0
		for _, member := range d.Members() {
			if member.State == "alive" {
				alive++
				if member.Link == nil || member.Link.State == "up" {
					up++
				}
			}
		}
		if alive != members || up != members {
			return fmt.Errorf("%d members alive and %d links up, want %d", alive, up, members)
		}
		return serving("web", clusters)(d)
	}
}

func sameHash(a, b *daemon.Daemon) error {
	if one, other := a.Status().Registry, b.Status().Registry; one != other {
		return fmt.Errorf("registry %s, want %s", other, one)
	}
	return nil
}

// exporting asks that n clusters are known to export a service, whether they can serve it or not.
func exporting(name string, clusters int) func(*daemon.Daemon) error {
	return func(d *daemon.Daemon) error {
		for _, service := range d.Services() {
			if service.Name == name && len(service.Clusters) != clusters {
				return fmt.Errorf("%d clusters export %s, want %d", len(service.Clusters), name, clusters)
			}
		}
		return nil
	}
}

// serving asks that n clusters can serve a service of namespace shop.
func serving(name string, clusters int) func(*daemon.Daemon) error {
	return func(d *daemon.Daemon) error {
		eligible := 0
		for _, service := range d.Services() {
			for _, offer := range service.Clusters {
				if service.Name == name && offer.Eligible {
					eligible++
				}
			}
		}
		if eligible != clusters {
			return fmt.Errorf("%d clusters serve %s, want %d", eligible, name, clusters)
		}
		return nil
	}
}
