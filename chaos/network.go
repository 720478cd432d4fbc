package chaos

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Network is a network in memory. Hosts on it have packet sockets and streams; its [Weather] decides what becomes of what
// they send.
//
// One lock guards everything, and nobody waits while holding it (waits are on condition variables of that lock): so it
// works in virtual time, where a goroutine that waits for a mutex stops the clock.
type Network struct {
	mu      sync.Mutex
	agenda  agenda
	random  *rand.Rand
	weather Weather
	hosts   map[netip.Addr]*Host
	links   map[path]*link
	closed  bool
}

// path is one direction between two addresses.
type path struct{ from, to netip.Addr }

// NewNetwork returns a calm network without hosts. The seed decides every chance, though not the order in which goroutines
// send: one seed gives the same statistics, not the same trace.
func NewNetwork(seed uint64) *Network {
	n := &Network{
		random:  rand.New(rand.NewPCG(seed, 0)),
		weather: Calm,
		hosts:   make(map[netip.Addr]*Host),
		links:   make(map[path]*link),
	}
	n.agenda.mu = &n.mu
	return n
}

// SetWeather changes the weather for all that is sent from now on. What is under way keeps its time of arrival, but dies if
// its way is cut when it would arrive.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Host returns the host that owns these addresses, a new one where the first is nobody's yet. Addresses of 127.0.0.0/8
// and ::1 are every host's own, and needn't be listed.
func (n *Network) Host(addrs ...netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(addrs) == 0 {
		panic("chaos: a host needs an address")
	}
	h := n.hosts[addrs[0].Unmap()]
	if h == nil {
		h = &Host{network: n}
	}
	for _, addr := range addrs {
		addr = addr.Unmap()
		if owner := n.hosts[addr]; owner == nil {
			n.hosts[addr] = h
			h.addrs = append(h.addrs, addr)
		} else if owner != h {
			panic("chaos: " + addr.String() + " is another host's")
		}
	}
	return h
}

// Close closes every socket, and what is under way is lost. Nothing of the network runs afterwards.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.agenda.stopLocked()
	for _, h := range n.hosts {
		h.endLocked(false)
	}
}

// Counts returns what became of all datagrams.
func (n *Network) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sum Counts
	for addr, h := range n.hosts {
		if addr == h.addrs[0] {
			sum = sum.plus(h.counts)
		}
	}
	return sum
}

// linkLocked returns the direction from one address to another.
func (n *Network) linkLocked(from, to netip.Addr) *link {
	way := path{from, to}
	l := n.links[way]
	if l == nil {
		l = &link{}
		n.links[way] = l
	}
	return l
}

// conveyLocked sends one datagram on its way.
func (n *Network) conveyLocked(sender *Host, from, to netip.AddrPort, data []byte) {
	sender.counts.Sent++
	sender.counts.SentBytes += uint64(len(data))
	if sender.owns(to.Addr()) {
		n.deliverLocked(sender, sender, from, to, slices.Clone(data))
		return
	}
	c := n.weather(from.Addr(), to.Addr())
	f := n.linkLocked(from.Addr(), to.Addr()).judge(c, time.Now(), len(data), n.random, &sender.counts)
	f.befallLocked(data, n.random, &n.agenda, func(data []byte) { n.arriveLocked(sender, from, to, data) })
}

// passageLocked sends one packet of a stream on its way: when it arrives, or that it gets lost.
func (n *Network) passageLocked(sender *Host, from, to netip.Addr, size int) (at time.Time, ok bool) {
	if sender.owns(to) {
		return time.Now(), true
	}
	c := n.weather(from, to)
	if c.Cut || chance(n.random, c.Loss) {
		return at, false
	}
	return n.linkLocked(from, to).inOrder(c, time.Now(), size, n.random), true
}

// reachesLocked tells whether what is under way now may arrive.
func (n *Network) reachesLocked(sender *Host, from, to netip.Addr) bool {
	return sender.owns(to) || !n.weather(from, to).Cut
}

// arriveLocked ends a datagram's way between hosts.
func (n *Network) arriveLocked(sender *Host, from, to netip.AddrPort, data []byte) {
	if !n.reachesLocked(sender, from.Addr(), to.Addr()) {
		sender.counts.Cut++
		return
	}
	if receiver := n.hosts[to.Addr()]; receiver != nil {
		n.deliverLocked(sender, receiver, from, to, data)
		return
	}
	sender.counts.Unheard++
}

func (n *Network) deliverLocked(sender, receiver *Host, from, to netip.AddrPort, data []byte) {
	socket, ok := receiver.packets.at(to)
	switch {
	case !ok || !socket.hears(from):
		sender.counts.Unheard++
		n.unheardLocked(sender, receiver, from, to)
	case !socket.acceptLocked(datagram{from, data}):
		sender.counts.Overrun++
	default:
		sender.counts.Delivered++
	}
}
