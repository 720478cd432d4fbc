package chaos

import (
	"net/netip"
	"slices"
	"time"
)

// Weather is the one function that decides: the conditions, at this moment, of what goes from one address to another. It is
// asked for every packet, with the network's lock held: it has to be quick and mustn't call the network.
type Weather func(from, to netip.Addr) Conditions

// Calm is the weather of a perfect network.
func Calm(_, _ netip.Addr) Conditions { return Conditions{} }

// Uniform is the same everywhere.
func Uniform(c Conditions) Weather {
	return func(_, _ netip.Addr) Conditions { return c }
}

// Between has conditions c on what goes from one of some addresses to one of some others, in that direction alone. An
// empty list stands for every address.
func Between(from, to []netip.Addr, c Conditions) Weather {
	return func(a, b netip.Addr) Conditions {
		if (len(from) == 0 || slices.Contains(from, a)) && (len(to) == 0 || slices.Contains(to, b)) {
			return c
		}
		return Conditions{}
	}
}

// CutOneWay lets nothing pass from one address to another; the way back stays open.
func CutOneWay(from, to netip.Addr) Weather {
	return Between([]netip.Addr{from}, []netip.Addr{to}, Conditions{Cut: true})
}

// Cut lets nothing pass between two addresses, in either direction. Third parties still reach both.
func Cut(a, b netip.Addr) Weather {
	return Partition([]netip.Addr{a}, []netip.Addr{b})
}

// Partition cuts groups of addresses off from one another. An address in no group reaches all of them.
func Partition(groups ...[]netip.Addr) Weather {
	group := make(map[netip.Addr]int)
	for i, addrs := range groups {
		for _, addr := range addrs {
			group[addr] = i + 1
		}
	}
	return func(from, to netip.Addr) Conditions {
		a, b := group[from], group[to]
		return Conditions{Cut: a != 0 && b != 0 && a != b}
	}
}

// Isolate cuts each of these addresses off from every other address there is.
func Isolate(addrs ...netip.Addr) Weather {
	return func(from, to netip.Addr) Conditions {
		return Conditions{Cut: slices.Contains(addrs, from) || slices.Contains(addrs, to)}
	}
}

// Over lays weathers over one another: their delays add up, the narrowest bound counts, a cut in one is a cut.
func Over(base Weather, more ...Weather) Weather {
	return func(from, to netip.Addr) Conditions {
		c := base(from, to)
		for _, w := range more {
			c = c.and(w(from, to))
		}
		return c
	}
}

// Flapping is calm for a while and then bad for a while, by turns, from start on for ever.
func Flapping(start time.Time, calm, bad time.Duration, w Weather) Weather {
	return func(from, to netip.Addr) Conditions {
		if time.Since(start)%(calm+bad) < calm {
			return Conditions{}
		}
		return w(from, to)
	}
}
