package gossip

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Bounds of one attempt at a seed.
const (
	resolveTimeout = 5 * time.Second
	connectTimeout = 5 * time.Second // for each address
	maxSeedAddrs   = 16
)

// SeedStatus is what became of a seed last time.
type SeedStatus struct {
	Seed string
	Err  string    // why nobody was reached through it; empty where somebody was
	At   time.Time // zero: not tried yet
}

// seed is a place to ask for the ring: "host:port". The host is resolved afresh each time: whoever kept the addresses
// of its first start was lost when the last of them changed.
type seed struct {
	text string
	host string
	port uint16

	mu     sync.Mutex
	status SeedStatus
	fault  fault
	found  map[netip.AddrPort]registry.Gateway
}

func parseSeed(text string) (*seed, error) {
	host, port, err := net.SplitHostPort(text)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || host == "" {
		return nil, fmt.Errorf("seed %q: want host:port, such as gw.west.example.com:7946", text)
	}
	return &seed{text: text, host: host, port: uint16(number), status: SeedStatus{Seed: text}}, nil
}

// resolve returns the addresses behind the seed, at this moment.
func (s *seed) resolve(ctx context.Context, lookup func(context.Context, string) ([]netip.Addr, error)) ([]netip.AddrPort, error) {
	ip, err := netip.ParseAddr(s.host)
	ips := []netip.Addr{ip}
	if err != nil {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		if ips, err = lookup(ctx, s.host); err != nil {
			return nil, fmt.Errorf("resolve %s: %w", s.host, err)
		}
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		if addr := netip.AddrPortFrom(ip.Unmap(), s.port); dialable(addr) && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("resolve %s: no address that can be dialled", s.host)
	}
	return addrs[:min(len(addrs), maxSeedAddrs)], nil
}

// answered returns who was found where, last time.
func (s *seed) answered() map[netip.AddrPort]registry.Gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.found)
}

// fault is what is wrong with a seed. The errors themselves change with each attempt.
type fault string

const (
	untried    fault = ""
	well       fault = "well"
	unresolved fault = "unresolved"
	unreached  fault = "unreached"
)

// settle keeps the outcome of an attempt, and tells whether it is another one than the last.
func (s *seed) settle(f fault, found map[netip.AddrPort]registry.Gateway, err error, now time.Time) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = f != s.fault && (s.fault != untried || f != well)
	s.fault, s.found, s.status = f, found, SeedStatus{Seed: s.text, At: now}
	if err != nil {
		s.status.Err = err.Error()
	}
	return changed
}
