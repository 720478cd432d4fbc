package tunnel_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

const mesh = "mesh.internal"

var (
	east  = gw("east/e-0")
	east1 = gw("east/e-1")
	west  = gw("west/w-0")
	west1 = gw("west/w-1")
	north = gw("north/n-0")
)

func gw(name string) registry.Gateway {
	g, err := registry.ParseGateway(name)
	if err != nil {
		panic(err)
	}
	return g
}

// host is where a gateway lives in these tests.
func host(g registry.Gateway) netip.Addr {
	last := map[registry.Gateway]byte{east: 1, east1: 2, west: 3, west1: 4, north: 5}[g]
	return netip.AddrFrom4([4]byte{10, 0, 0, last})
}

func addr(g registry.Gateway) netip.AddrPort { return netip.AddrPortFrom(host(g), 7946) }

// world is a mesh over a simulated network, in virtual time.
type world struct {
	*testing.T
	network   *chaos.Network
	authority *tunnel.Authority
	starts    uint64
}

// inWorld runs a test in a bubble of its own, which also fails when anything is left running.
func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		network := chaos.NewNetwork(1)
		authority, err := tunnel.NewAuthority(mesh, time.Now(), 10*365*24*time.Hour)
		require.NoError(t, err)
		t.Cleanup(network.Close) // after everything else
		test(&world{T: t, network: network, authority: authority})
	})
}

// gateway is one running endpoint.
type gateway struct {
	*tunnel.Endpoint
	w    *world
	id   registry.Gateway
	host *chaos.Host
	stop func() error

	mu     sync.Mutex
	events []tunnel.Link
}

type setup func(cfg *tunnel.Config)

// start runs a gateway until the end of the test.
func (w *world) start(id registry.Gateway, setups ...setup) *gateway {
	w.Helper()
	g := w.prepare(id, setups...)
	g.run()
	return g
}

// prepare makes a gateway that doesn't run yet. Its backends answer with its name.
func (w *world) prepare(id registry.Gateway, setups ...setup) *gateway {
	w.Helper()
	w.starts++
	g := &gateway{w: w, id: id, host: w.network.Host(host(id))}
	cfg := tunnel.Config{
		Self: id, Instance: w.starts, ResetKey: [32]byte{1, host(id).As4()[3]},
		Identity: w.identity(id, time.Hour*24*365),
		Backends: backends{}, DialBackend: dialFrom(g.host),
		OnLink: func(l tunnel.Link) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.events = append(g.events, l)
		},
		Log: zerolog.New(zerolog.NewTestWriter(w)).With().Stringer("at", id).Logger(),
	}
	for _, set := range setups {
		set(&cfg)
	}
	var err error
	if cfg.Conn == nil {
		cfg.Conn, err = g.host.ListenPacket(addr(id))
		require.NoError(w, err)
	}
	g.Endpoint, err = tunnel.New(cfg)
	require.NoError(w, err)
	return g
}

// dialFrom connects to endpoints as a host does.
func dialFrom(h *chaos.Host) func(context.Context, registry.Protocol, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, protocol registry.Protocol, addr netip.AddrPort) (net.Conn, error) {
		if protocol == registry.UDP {
			return h.DialPacket(ctx, addr)
		}
		return h.Dial(ctx, addr)
	}
}

func (g *gateway) run() {
	ctx, cancel := context.WithCancel(g.w.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	g.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	g.w.Cleanup(func() { g.stop() })
	synctest.Wait() // it listens
}

func (w *world) identity(id registry.Gateway, lifetime time.Duration) *tunnel.Identity {
	w.Helper()
	certPEM, keyPEM, err := w.authority.Issue(id, time.Now(), lifetime)
	require.NoError(w, err)
	identity, err := tunnel.NewIdentity(w.authority.CertPEM(), certPEM, keyPEM, mesh, id)
	require.NoError(w, err)
	return identity
}

// learn tells g where the others are.
func (g *gateway) learn(others ...*gateway) {
	for _, other := range others {
		g.Learn(other.id, []netip.AddrPort{addr(other.id)})
	}
}

// meet makes all of them learn one another.
func meet(gateways ...*gateway) {
	for _, g := range gateways {
		for _, other := range gateways {
			if g != other {
				g.learn(other)
			}
		}
	}
}

// link returns what g thinks of the link to another gateway.
func (g *gateway) link(to registry.Gateway) tunnel.Link {
	for _, l := range g.Links() {
		if l.Gateway == to {
			return l
		}
	}
	return tunnel.Link{}
}

// healing is how long a link may take to come back once packets get through again: the rest of a dialling whose retries
// have become rare, the longest back-off, and the handshake.
const healing = 8 * time.Second

// until waits for the link to be in a state, and returns how long that took.
func (g *gateway) until(to registry.Gateway, state tunnel.LinkState, within time.Duration) time.Duration {
	g.w.Helper()
	begin := time.Now()
	for g.link(to).State != state {
		if time.Since(begin) > within {
			require.FailNowf(g.w, "link", "%s is %q of %s after %s: %+v", g.id, g.link(to).State, to, within, g.changes(to))
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

// changes returns the states and reasons that g was told of for a link.
func (g *gateway) changes(to registry.Gateway) (changes []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.events {
		if l.Gateway == to {
			changes = append(changes, string(l.State)+" "+l.Reason)
		}
	}
	return changes
}

// forgetChanges drops what g was told of so far.
func (g *gateway) forgetChanges() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = nil
}

var web = tunnel.Target{
	Name: registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "web"}}, Port: 80, Protocol: registry.TCP,
	Caller: netip.MustParseAddrPort("10.9.9.9:1234"),
}

// backends are the endpoints of a gateway, by service.
type backends map[registry.ServiceName][]netip.AddrPort

func (b backends) Backends(_ registry.Cluster, t tunnel.Target) ([]netip.AddrPort, error) {
	addrs, ok := b[t.Name.Service]
	if !ok {
		return nil, tunnel.NotExported
	}
	return addrs, nil
}

// serving gives a gateway one endpoint of web.shop, which behaves as it is told.
func serving(w *world, id registry.Gateway, behave func(conn net.Conn)) setup {
	endpoint := netip.MustParseAddrPort("127.0.0.1:9000")
	w.listen(id, endpoint, behave)
	return func(cfg *tunnel.Config) {
		cfg.Backends = backends{web.Name.Service: {endpoint}}
	}
}

// listen runs a server on a host until the end of the test.
func (w *world) listen(id registry.Gateway, at netip.AddrPort, behave func(conn net.Conn)) {
	w.Helper()
	listener, err := w.network.Host(host(id)).Listen(at)
	require.NoError(w, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.Cleanup(func() { conn.Close() })
			group.Go(func() { behave(conn) })
		}
	})
	w.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
}

// echo sends back what it reads, and ends when its client has ended.
func echo(conn net.Conn) {
	defer conn.Close()
	io.Copy(conn, conn)
}

// says tells a name to everybody and closes.
func says(name string) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		io.WriteString(conn, name)
	}
}

// candidates makes one candidate for each cluster, in the order of their first gateways.
func candidates(gateways ...registry.Gateway) (list []registry.Candidate) {
	for _, g := range gateways {
		i := slices.IndexFunc(list, func(c registry.Candidate) bool { return c.Cluster == g.Cluster })
		if i < 0 {
			list = append(list, registry.Candidate{Cluster: g.Cluster})
			i = len(list) - 1
		}
		list[i].Gateways = append(list[i].Gateways, g)
	}
	return list
}

// request opens a connection to web.shop and returns all that it says.
func (g *gateway) request(gateways ...registry.Gateway) (answer string, by registry.Gateway, err error) {
	conn, by, err := g.Open(g.w.Context(), web, candidates(gateways...))
	if err != nil {
		return "", by, err
	}
	defer conn.Close()
	conn.(interface{ CloseWrite() error }).CloseWrite()
	text, err := io.ReadAll(conn)
	return string(text), by, err
}

// refusalOf returns the refusal in an error of Open.
func refusalOf(err error) tunnel.Refusal {
	refusal, _ := errors.AsType[tunnel.Refusal](err)
	return refusal
}
