package gossip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// packetQueue is how many packets may wait for memberlist, which takes them one by one and at once.
const packetQueue = 256

var (
	errUnknownPeer = errors.New("gossip: no such peer")
	errStopping    = errors.New("gossip: the ring is stopping")
)

// transport is memberlist's network. It routes by name over [Links] and holds to two rules, each of which was paid for:
// it never reports that a packet could not be sent, and it never waits to send one.
type transport struct {
	self    registry.Gateway
	life    context.Context // of streams; packets go on until Shutdown, so that the farewell gets out
	links   Links
	dropped *atomic.Uint64
	refused *atomic.Uint64

	packets chan *memberlist.Packet
	streams chan net.Conn
	down    chan struct{} // closed by Shutdown

	mu      sync.Mutex
	routes  map[string]*route // by name, and by address as Join writes it
	open    map[*stream]*route
	stopped bool
	working sync.WaitGroup // outboxes that are sending
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(life context.Context, self registry.Gateway, links Links, dropped, refused *atomic.Uint64) *transport {
	return &transport{
		self: self, life: life, links: links, dropped: dropped, refused: refused,
		packets: make(chan *memberlist.Packet, packetQueue),
		streams: make(chan net.Conn),
		down:    make(chan struct{}),
		routes:  make(map[string]*route),
		open:    make(map[*stream]*route),
	}
}

// WriteToAddress puts a packet into the peer's outbox. It returns no error, whatever becomes of the packet: memberlist
// takes an error for a fault of its own and gives the probe up without suspecting anybody, so that a transport which
// reports its dead peers never sees one die. Silence is what failure detection is made of.
func (t *transport) WriteToAddress(packet []byte, to memberlist.Address) (time.Time, error) {
	now := time.Now()
	if r := t.route(to); r != nil {
		r.outbox.put(bytes.Clone(packet), now)
	} else {
		t.dropped.Add(1)
	}
	return now, nil
}

// DialAddressTimeout opens a stream within timeout: a probe waits for it.
func (t *transport) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	r := t.route(to)
	if r == nil {
		return nil, errUnknownPeer
	}
	ctx, cancel := context.WithTimeout(t.life, timeout)
	defer cancel()
	conn, err := t.links.Open(ctx, r.to)
	if err != nil {
		return nil, err
	}
	s := newStream(conn, nodeAddr(r.to), t.reclaim)
	if !t.lend(s, nil) {
		_ = s.Close()
		return nil, errStopping
	}
	return s, nil
}

// receive hands a packet to memberlist. What can't be taken at once is dropped, as a socket would.
func (t *transport) receive(from registry.Gateway, packet []byte, at time.Time) {
	t.introduce(from)
	select {
	case t.packets <- &memberlist.Packet{Buf: packet, From: nodeAddr(from), Timestamp: at}:
	default:
		t.dropped.Add(1)
	}
}

// Shutdown is called by memberlist. It lets the outboxes send what they hold, and takes nothing any more.
func (t *transport) Shutdown() error {
	t.mu.Lock()
	if !t.stopped {
		t.stopped = true
		close(t.down)
	}
	t.mu.Unlock()
	t.hangUp()
	t.working.Wait()
	return nil
}

// FinalAdvertiseAddr is what memberlist tells others about this member.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return memberAddr(t.self).AsSlice(), memberPort, nil
}

// PacketCh is where memberlist takes packets from.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// StreamCh is where memberlist takes streams from.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// WriteTo is WriteToAddress for callers without a name; memberlist calls it for no transport that knows names.
func (t *transport) WriteTo(packet []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(packet, memberlist.Address{Addr: addr})
}

// DialTimeout is DialAddressTimeout for callers without a name.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}
