package tunnel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/time/rate"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Kind says what a control stream is for. The endpoint doesn't look inside.
type Kind byte

// The kinds of control streams.
const (
	KindGossip   Kind = 1
	KindRegistry Kind = 2
)

// Errors that callers branch on.
var (
	ErrSelf    = errors.New("that address is our own")
	ErrTwin    = errors.New("another gateway runs under our name")
	ErrNoLink  = errors.New("no link to that gateway")
	ErrNoRoute = errors.New("no candidate can be reached")
)

// handshakesFree is how many strangers a second may begin a handshake before they have to prove their address first,
// which costs them a round trip, and an attacker the use of forged addresses.
const handshakesFree = 100

// Endpoint is this gateway's end of all its links: one UDP socket, and whatever runs over it.
type Endpoint struct {
	cfg            Config
	transport      *quic.Transport
	onPacket       func(from registry.Gateway, packet []byte, at time.Time)
	streamHandlers map[Kind]func(from registry.Gateway, conn net.Conn)

	started   time.Time
	clock     *uptime
	twin      chan error    // one slot: why another process keeps us out
	hurry     chan struct{} // one slot: beats are due at once
	life      context.Context
	end       context.CancelFunc
	tasks     tasks
	news      news
	counters  counters
	strangers rate.Sometimes // bounds what is logged about refused connections
	dialled   atomic.Uint64
	open      atomic.Int64 // data streams, both ways
	draining  atomic.Bool
	local     localPatience

	mu       sync.RWMutex // before any peer's lock
	running  bool
	closed   bool
	waiting  []func() // what starts with Run
	peers    map[registry.Gateway]*peer
	calls    map[netip.AddrPort]*connecting
	attended map[registry.Gateway]bool
}

// New returns an endpoint that doesn't do anything yet.
func New(cfg Config) (*Endpoint, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	key := quic.StatelessResetKey(cfg.ResetKey)
	limiter := rate.NewLimiter(handshakesFree, handshakesFree)
	e := &Endpoint{
		cfg: cfg,
		transport: &quic.Transport{
			Conn:                tolerant(cfg.Conn),
			StatelessResetKey:   &key,
			VerifySourceAddress: func(net.Addr) bool { return !limiter.Allow() },
		},
		onPacket:       func(registry.Gateway, []byte, time.Time) {},
		streamHandlers: map[Kind]func(registry.Gateway, net.Conn){},
		started:        now,
		clock:          newUptime(now),
		twin:           make(chan error, 1),
		hurry:          make(chan struct{}, 1),
		counters:       counters{refused: map[Refusal]uint64{}},
		strangers:      rate.Sometimes{First: 3, Interval: 10 * time.Second},
		peers:          map[registry.Gateway]*peer{},
		calls:          map[netip.AddrPort]*connecting{},
	}
	e.life, e.end = context.WithCancel(context.Background())
	return e, nil
}

// HandlePackets sets who gets the packets that peers send. It is called before Run. The handler must not block, and may
// keep the packet.
func (e *Endpoint) HandlePackets(h func(from registry.Gateway, packet []byte, at time.Time)) {
	e.onPacket = h
}

// HandleStreams sets who gets the control streams of a kind that peers open, each on a goroutine of its own; the stream
// is closed when the handler returns. It is called before Run.
func (e *Endpoint) HandleStreams(kind Kind, h func(from registry.Gateway, conn net.Conn)) {
	e.streamHandlers[kind] = h
}
