package gossip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// fabric is a network of gateways in memory: the promises of [Links], with delay, loss, cuts and dead processes, and
// without any QUIC. Packets go to whoever is connected; a gateway connects to where it was told that another one is.
type fabric struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	weather func(from, to registry.Gateway) weather
	tap     func(packet []byte) // sees every packet
	shy     bool                // handshakes show no certificates: keys have to be fetched
	hosts   map[netip.AddrPort]*host
	end     chan struct{}
	pumps   sync.WaitGroup
}

// weather is what happens to what goes one way between two gateways.
type weather struct {
	delay, jitter time.Duration
	loss          float64 // of packets; streams are late instead
	cut           bool
}

func newFabric(seed uint64) *fabric {
	return &fabric{
		rnd:     rand.New(rand.NewPCG(seed, seed)),
		weather: everywhere(weather{delay: 500 * time.Microsecond}),
		hosts:   make(map[netip.AddrPort]*host),
		end:     make(chan struct{}),
	}
}

func everywhere(w weather) func(from, to registry.Gateway) weather {
	return func(_, _ registry.Gateway) weather { return w }
}

// split cuts groups of clusters off from one another.
func split(groups ...[]registry.Cluster) func(from, to registry.Gateway) weather {
	side := func(g registry.Gateway) int {
		return slices.IndexFunc(groups, func(group []registry.Cluster) bool { return slices.Contains(group, g.Cluster) })
	}
	return func(from, to registry.Gateway) weather {
		return weather{delay: 500 * time.Microsecond, cut: side(from) != side(to)}
	}
}

func (f *fabric) setWeather(w func(from, to registry.Gateway) weather) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.weather = w
}

// close ends what hangs in the network. The rings have to be stopped before.
func (f *fabric) close() {
	close(f.end)
	f.pumps.Wait()
}

// host is one process: the Links of one ring.
type host struct {
	fabric   *fabric
	self     registry.Gateway
	addr     netip.AddrPort
	instance uint64
	keyring  *registry.Keyring
	chain    [][]byte
	ring     *Ring // set before anything is sent

	// Faults, set before the start. onSend runs at the beginning of Send, and may block; onOpen makes Open fail.
	onSend func(to registry.Gateway)
	onOpen func(to registry.Gateway) error

	// Guarded by the fabric's lock.
	dead   bool
	frozen bool
	dial   map[registry.Gateway][]netip.AddrPort
	conns  map[registry.Gateway]*host
}

var _ Links = (*host)(nil)

func (f *fabric) host(self registry.Gateway, addr netip.AddrPort, instance uint64) *host {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &host{fabric: f, self: self, addr: addr, instance: instance,
		dial: make(map[registry.Gateway][]netip.AddrPort), conns: make(map[registry.Gateway]*host)}
	f.hosts[addr] = h
	return h
}

// kill is SIGKILL: from now on nothing leaves this process and nothing enters it.
func (h *host) kill() {
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	h.dead = true
	if h.fabric.hosts[h.addr] == h {
		delete(h.fabric.hosts, h.addr)
	}
}

// freeze is SIGSTOP as others see it: nothing gets in or out. It is undone by freeze(false).
func (h *host) freeze(frozen bool) {
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	h.frozen = frozen
}

// passableLocked tells whether packets can go between two processes at all, both ways.
func (f *fabric) passableLocked(a, b *host) bool {
	return !a.dead && !b.dead && !a.frozen && !b.frozen && !f.weather(a.self, b.self).cut && !f.weather(b.self, a.self).cut
}

// peerLocked returns the process that h reaches under that name, and connects to it where that is possible.
func (h *host) peerLocked(to registry.Gateway) *host {
	if peer := h.conns[to]; peer != nil && !peer.dead {
		return peer
	}
	for _, addr := range h.dial[to] {
		if peer := h.fabric.hosts[addr]; peer != nil && peer.self == to && h.fabric.passableLocked(h, peer) {
			h.connectLocked(peer)
			return peer
		}
	}
	return nil
}

// connectLocked is a handshake. Who is connected under the same name already loses to a newer instance, and only to one.
func (h *host) connectLocked(peer *host) {
	for _, end := range [][2]*host{{h, peer}, {peer, h}} {
		at, other := end[0], end[1]
		if old := at.conns[other.self]; old == nil || old.dead || old.instance < other.instance {
			at.conns[other.self] = other
		}
		if !h.fabric.shy {
			_, _ = at.keyring.Add(other.chain)
		}
	}
}

func (h *host) Send(to registry.Gateway, packet []byte) {
	if h.onSend != nil {
		h.onSend(to)
	}
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	peer := h.peerLocked(to)
	if peer == nil || h.dead || h.frozen {
		return
	}
	w := h.fabric.weather(h.self, to)
	if w.cut || h.fabric.rnd.Float64() < w.loss {
		return
	}
	if h.fabric.tap != nil {
		h.fabric.tap(packet)
	}
	time.AfterFunc(h.fabric.travelLocked(w), func() {
		h.fabric.mu.Lock()
		lost := peer.dead || peer.frozen || h.fabric.weather(h.self, to).cut
		h.fabric.mu.Unlock()
		if !lost {
			peer.ring.HandlePacket(h.self, packet, time.Now())
		}
	})
}

func (f *fabric) travelLocked(w weather) time.Duration {
	return w.delay + time.Duration(f.rnd.Float64()*float64(w.jitter))
}

// Open hangs where a real network would: when the peer can't be reached.
func (h *host) Open(ctx context.Context, to registry.Gateway) (net.Conn, error) {
	if h.onOpen != nil {
		if err := h.onOpen(to); err != nil {
			return nil, err
		}
	}
	h.fabric.mu.Lock()
	peer := h.peerLocked(to)
	reachable := peer != nil && h.fabric.passableLocked(h, peer)
	h.fabric.mu.Unlock()
	if !reachable {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := h.fabric.stream(h, peer)
	h.fabric.pumps.Go(func() { peer.ring.HandleStream(h.self, far) })
	return near, nil
}

func (h *host) Connect(ctx context.Context, addr netip.AddrPort) (registry.Gateway, error) {
	if addr == h.addr {
		return h.self, nil
	}
	h.fabric.mu.Lock()
	peer := h.fabric.hosts[addr]
	reachable := peer != nil && h.fabric.passableLocked(h, peer)
	w := weather{}
	if reachable {
		w = h.fabric.weather(h.self, peer.self)
	}
	h.fabric.mu.Unlock()
	if !reachable {
		<-ctx.Done()
		return registry.Gateway{}, errors.New("no answer")
	}
	time.Sleep(2*w.delay + w.jitter)
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	h.connectLocked(peer)
	return peer.self, nil
}

func (h *host) Learn(g registry.Gateway, addrs []netip.AddrPort) {
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	h.dial[g] = slices.Clone(addrs)
	h.peerLocked(g) // a link is kept to everybody
}

// linked tells whether packets go both ways between h and another gateway.
func (h *host) linked(g registry.Gateway) bool {
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	peer := h.conns[g]
	return peer != nil && h.fabric.passableLocked(h, peer)
}

// fetchKey asks those whom h is connected with for a certificate.
func (h *host) fetchKey(_ context.Context, want registry.Fingerprint) error {
	h.fabric.mu.Lock()
	peers := make(map[*host]time.Duration)
	for _, peer := range h.conns {
		if h.fabric.passableLocked(h, peer) {
			peers[peer] = 2 * h.fabric.weather(h.self, peer.self).delay
		}
	}
	h.fabric.mu.Unlock()
	for peer, rtt := range peers {
		if der, known := peer.keyring.Chain(want); known {
			time.Sleep(rtt)
			_, err := h.keyring.Add(der)
			return err
		}
	}
	return errors.New("nobody knows it")
}

// stream returns the two ends of a connection. What is written arrives after the delay of the moment; through a cut, or
// from a dead process, nothing does.
func (f *fabric) stream(from, to *host) (near, far net.Conn) {
	near, a := net.Pipe()
	far, b := net.Pipe()
	f.pumps.Go(func() { f.pump(from, to, a, b) })
	f.pumps.Go(func() { f.pump(to, from, b, a) })
	return near, far
}

func (f *fabric) pump(from, to *host, in, out net.Conn) {
	defer in.Close()
	defer out.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := in.Read(buffer)
		if !f.pass(from, to) {
			return
		}
		if err != nil {
			return
		}
		if _, err := out.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// pass waits for as long as a byte takes; false when it is given up.
func (f *fabric) pass(from, to *host) bool {
	patience := time.After(10 * time.Second)
	for {
		f.mu.Lock()
		open, travel := f.passableLocked(from, to), f.travelLocked(f.weather(from.self, to.self))
		f.mu.Unlock()
		if !open {
			travel = 50 * time.Millisecond
		}
		select {
		case <-f.end:
			return false
		case <-patience:
			return false
		case <-time.After(travel):
		}
		if open {
			return true
		}
	}
}

// bubbleEnd is how long a bubble stays after the last ring has stopped: memberlist's timers have to run out, or
// synctest reports what is left of them, as it shall report what is left of ours.
const bubbleEnd = 2 * time.Minute

func seedOf(t *testing.T) uint64 {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}
