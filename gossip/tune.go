package gossip

import (
	"log"
	"math"
	"time"

	"github.com/hashicorp/memberlist"
)

// The ring's timing suits round trips up to 300 ms and 5 % loss in each direction, and is meant to be right rather than
// quick: a link's own detector is quick, and routes round a dead peer long before the ring agrees that it is one. A ring
// tuned for a tenth of these times declares a gateway dead that was off the processor for 0.6 s.
const (
	// A probe has to survive one lost packet: its timeout covers the longest round trip, and its interval covers a
	// second way through another member, which takes two (2·timeout + 2·RTT < interval, or that member's "no answer
	// here either" comes too late and this one takes itself for the sick one).
	probeTimeout  = 330 * time.Millisecond
	probeInterval = 1200 * time.Millisecond

	// A suspect has two probe intervals to refute. Longer suspicion buys nothing once refutations aren't lost.
	suspicionMult = 2

	// Each message is sent retransmitMult·⌈log10(N+1)⌉ times. The library's 4 means four packets in a ring of less than
	// ten, and then refutations do get lost: 14 healthy members declared dead where 10 had none. It costs traffic only
	// while something changes.
	retransmitMult = 10

	gossipInterval = 50 * time.Millisecond
	gossipNodes    = 3
	indirectChecks = 3

	// For so long the dead are remembered and told that they are taken for dead, so that one who isn't can refute. The
	// rejoin loop goes on after it.
	gossipToTheDead = 30 * time.Second

	// Two members compare all that they know, in case packets were lost every time.
	pushPullInterval = 15 * time.Second

	// A datagram of a QUIC connection takes 1,243 bytes at once, and some near that bound were dropped without a word.
	packetSize = 1100

	// For opening a stream, and for the exchange on it.
	streamTimeout = 5 * time.Second

	// How long leaving may take; the message is spread in 0.2 to 0.5 s.
	leaveTimeout = time.Second
)

// suspicionTimeout is how long memberlist gives a suspect in a ring of n before it is dead.
func suspicionTimeout(n int) time.Duration {
	scale := max(1, math.Log10(max(1, float64(n))))
	return time.Duration(suspicionMult * scale * float64(probeInterval))
}

// settings starts from the library's own, since some of its zeros are traps (a QueueCheckInterval of 0 spins).
func (r *Ring) settings(t *transport) *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name = r.cfg.Self.String()
	c.Transport = t
	c.RequireNodeNames = false // Join has none to give: the transport knows the member by its address
	c.BindPort = memberPort    // memberlist puts it where a port is missing
	c.Logger = log.New(&logWriter{log: r.cfg.Log, suspect: r.suspect}, "", 0)

	c.ProbeTimeout, c.ProbeInterval = probeTimeout, probeInterval
	c.SuspicionMult = suspicionMult
	c.RetransmitMult = retransmitMult
	c.GossipInterval, c.GossipNodes = gossipInterval, gossipNodes
	c.IndirectChecks = indirectChecks
	c.GossipToTheDeadTime = gossipToTheDead
	c.PushPullInterval = pushPullInterval
	c.UDPBufferSize = packetSize
	c.TCPTimeout = streamTimeout

	c.DisableTcpPings = true    // streams and packets share a connection: the answer would be the same
	c.EnableCompression = false // costs more than it saves on metadata
	c.Delegate = announcer{r}
	c.Events = listener{r, t}
	c.Alive = guard{r}
	return c
}
