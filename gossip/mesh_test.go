package gossip

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// mesh is rings in a bubble of virtual time over a fabric.
type mesh struct {
	*testing.T
	fabric *fabric
	nodes  map[string]*node // running, by "cluster/name"
	names  map[string][]netip.Addr
	starts uint64

	acquainted bool // everybody has everybody's certificate from the start
}

// node is one running ring.
type node struct {
	*Ring
	host   *host
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run

	mu     sync.Mutex
	events []Member
	log    transcript
}

// transcript is a log that can be read while it is written.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// inMesh runs a test in virtual time. When it ends, every ring is stopped and nothing may be left: a goroutine that is
// still there fails the test.
func inMesh(t *testing.T, body func(*mesh)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &mesh{T: t, fabric: newFabric(seedOf(t)), nodes: make(map[string]*node), names: make(map[string][]netip.Addr)}
		defer time.Sleep(bubbleEnd)
		defer m.fabric.close()
		defer func() {
			for _, n := range m.nodes {
				n.cancel()
			}
			for _, n := range m.nodes {
				<-n.ended
			}
		}()
		body(m)
	})
}

func gateway(name string) registry.Gateway {
	g, err := registry.ParseGateway(name)
	if err != nil {
		panic(err)
	}
	return g
}

// addrOf gives gateways addresses: east is 10.1/16, and so on.
func addrOf(name string) netip.AddrPort {
	sum := sha256.Sum256([]byte(name))
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, sum[0], sum[1], sum[2]}), 7946)
}

// setup changes the configuration of a ring before it starts.
type setup func(*Config, *host)

func seeds(names ...string) setup {
	return func(c *Config, _ *host) {
		for _, name := range names {
			c.Seeds = append(c.Seeds, addrOf(name).String())
		}
	}
}

func at(addr netip.AddrPort) setup {
	return func(c *Config, h *host) {
		h.fabric.mu.Lock()
		defer h.fabric.mu.Unlock()
		delete(h.fabric.hosts, h.addr)
		h.addr = addr
		h.fabric.hosts[addr] = h
		c.Advertise = []netip.AddrPort{addr}
	}
}

// deaf has nobody to ask for certificates.
func deaf(c *Config, _ *host) { c.FetchKey = nil }

func peersFile(name string) setup { return func(c *Config, _ *host) { c.PeersFile = name } }

// start starts a ring under that name. Every start has a certificate and an instance of its own.
func (m *mesh) start(name string, setups ...setup) *node {
	m.Helper()
	m.starts++
	g := gateway(name)
	h := m.fabric.host(g, addrOf(name), m.starts)
	id := newIdentity(g)
	h.chain, h.keyring = id.chain, newKeyring()
	_, err := h.keyring.Add(id.chain)
	require.NoError(m, err)
	n := &node{host: h, ended: make(chan struct{})}
	cfg := Config{
		Self: g, Instance: m.starts, Advertise: []netip.AddrPort{h.addr}, Links: h,
		Signer: id, Keyring: h.keyring, FetchKey: h.fetchKey, Resolve: m.resolve,
		OnMember: func(member Member) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.events = append(n.events, member)
		},
		Log: zerolog.New(&n.log).Level(zerolog.InfoLevel),
	}
	for _, change := range setups {
		change(&cfg, h)
	}
	for _, other := range m.nodes {
		if m.acquainted {
			_, _ = other.host.keyring.Add(h.chain)
			_, _ = h.keyring.Add(other.host.chain)
		}
	}
	n.Ring, err = New(cfg)
	require.NoError(m, err)
	h.ring = n.Ring
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	go func() {
		defer close(n.ended)
		n.err = n.Run(ctx)
	}()
	m.nodes[name] = n
	return n
}

func (m *mesh) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	m.fabric.mu.Lock()
	defer m.fabric.mu.Unlock()
	if addrs, ok := m.names[host]; ok {
		return addrs, nil
	}
	return nil, errors.New("no such host")
}

// setName says what a host name resolves to.
func (m *mesh) setName(name string, addrs ...netip.Addr) {
	m.fabric.mu.Lock()
	defer m.fabric.mu.Unlock()
	m.names[name] = addrs
}

// isDead tells whether no process runs under that name.
func (m *mesh) isDead(g registry.Gateway) bool {
	m.fabric.mu.Lock()
	defer m.fabric.mu.Unlock()
	for _, h := range m.fabric.hosts {
		if h.self == g {
			return false
		}
	}
	return true
}

// kill ends a process without a word.
func (m *mesh) kill(names ...string) {
	for _, name := range names {
		m.nodes[name].host.kill()
	}
	for _, name := range names {
		n := m.nodes[name]
		delete(m.nodes, name)
		n.cancel()
	}
}

// stop ends a ring as SIGTERM does.
func (m *mesh) stop(name string) {
	n := m.nodes[name]
	delete(m.nodes, name)
	n.cancel()
	<-n.ended
	require.NoError(m, n.err)
	n.host.kill()
}

// within waits until what is true, for d at most, and returns how long that took.
func (m *mesh) within(d time.Duration, what string, is func() bool) time.Duration {
	m.Helper()
	start := time.Now()
	for !is() {
		if time.Since(start) > d {
			m.dump()
			require.FailNow(m, "too late", "%s: not within %s", what, d)
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(start)
	m.Logf("%s: %s", what, took)
	return took
}

func (m *mesh) dump() {
	for name, n := range m.nodes {
		m.Logf("%s sees %s; seeds %+v; stats %+v", name, n.picture(), n.Seeds(), n.Stats())
	}
}

// picture is what a node sees, in one line.
func (n *node) picture() string {
	var b bytes.Buffer
	for _, member := range n.Members() {
		fmt.Fprintf(&b, "%s:%s ", member.Gateway, member.State)
	}
	return b.String()
}

func (n *node) member(name string) Member {
	for _, member := range n.Members() {
		if member.Gateway == gateway(name) {
			return member
		}
	}
	return Member{}
}

// announced is what a node believes that another one says of itself.
func (n *node) announced(t require.TestingT, name string) meta {
	n.belief.mu.Lock()
	defer n.belief.mu.Unlock()
	said, _, _, err := parseMeta(n.belief.last[gateway(name)])
	require.NoError(t, err)
	return said
}

// told returns what OnMember was told.
func (n *node) told() []Member {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

func (n *node) sees(name string) State { return n.view.state(gateway(name)) }

// whole tells whether all running rings see one another alive.
func (m *mesh) whole() bool { return m.agree(Alive, m.running()...) }

func (m *mesh) running() []string {
	names := make([]string, 0, len(m.nodes))
	for name := range m.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// agree tells whether every running ring sees these members in that state.
func (m *mesh) agree(state State, names ...string) bool {
	for _, n := range m.nodes {
		for _, name := range names {
			if n.sees(name) != state {
				return false
			}
		}
	}
	return true
}

// count counts what was told about members of that state.
func (n *node) count(state State) (count int) {
	for _, member := range n.told() {
		if member.State == state {
			count++
		}
	}
	return count
}

// six starts two gateways in each of three clusters; the first of each cluster is everybody's seed.
func (m *mesh) six(setups ...setup) {
	m.sixAt(append([]setup{seeds("east/e-0", "west/w-0", "north/n-0")}, setups...)...)
}

// sixAt starts six with seeds of the caller's choice.
func (m *mesh) sixAt(setups ...setup) {
	for _, name := range []string{"east/e-0", "east/e-1", "west/w-0", "west/w-1", "north/n-0", "north/n-1"} {
		m.start(name, setups...)
	}
	m.within(10*time.Second, "six joined", m.whole)
}

// identity is a gateway's key with a "certificate" that says no more than its name.
type identity struct {
	mu    sync.Mutex
	key   ed25519.PrivateKey
	chain [][]byte
}

func newIdentity(g registry.Gateway) *identity {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return &identity{key: private, chain: [][]byte{append([]byte(g.String()+"\n"), public...)}}
}

func (i *identity) Fingerprint() registry.Fingerprint {
	i.mu.Lock()
	defer i.mu.Unlock()
	return sha256.Sum256(i.chain[0])
}

// replace is a renewed certificate.
func (i *identity) replace(by *identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.chain = by.key, by.chain
}

func (i *identity) Sign(message []byte) ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return ed25519.Sign(i.key, message), nil
}

func newKeyring() *registry.Keyring {
	return registry.NewKeyring(func(der [][]byte) (registry.Gateway, crypto.PublicKey, error) {
		name, key, _ := bytes.Cut(der[0], []byte("\n"))
		g, err := registry.ParseGateway(string(name))
		return g, ed25519.PublicKey(key), err
	})
}
