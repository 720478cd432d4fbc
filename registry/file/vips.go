package file

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// VIPConfig says where a gateway's VIPs come from.
type VIPConfig struct {
	Range   netip.Prefix     // required; IPv4, /8 to /28, such as 127.80.0.0/16
	Gateway registry.Gateway // required; whose range and file these are
	Path    string           // of the file that keeps them; empty: not kept
	Lock    RangeLock        // keeps the range from other gateways of the host; nil: they can't meet, as in a simulation
	Log     zerolog.Logger
}

// RangeLock takes a range for a gateway until it is released, or fails with the name of a gateway whose range overlaps.
type RangeLock func(prefix netip.Prefix, gateway registry.Gateway) (release func() error, err error)

// VIPs gives each name one address of a range, always the same: over restarts by its file, and over the loss of the file
// mostly too, since the name's hash says where to look for a free address. Lookup may be called from anywhere.
type VIPs struct {
	prefix  netip.Prefix
	gateway registry.Gateway
	path    string
	release func() error

	mu    sync.Mutex
	held  map[registry.VIPName]netip.Addr
	dirty bool // the file is behind

	published atomic.Pointer[map[registry.VIPName]netip.Addr]
}

// OpenVIPs takes the range, and reads the file, if there is one. A file of another gateway is an error; a damaged one is
// set aside, and its addresses are placed anew.
func OpenVIPs(config VIPConfig) (*VIPs, error) {
	prefix := config.Range.Masked()
	if !prefix.IsValid() || !prefix.Addr().Is4() || prefix.Bits() < 8 || prefix.Bits() > 28 {
		return nil, fmt.Errorf("vips: %q: want an IPv4 range of /8 to /28, such as 127.80.0.0/16", config.Range)
	}
	v := &VIPs{prefix: prefix, gateway: config.Gateway, path: config.Path, release: func() error { return nil }}
	var err error
	if config.Lock != nil {
		if v.release, err = config.Lock(prefix, config.Gateway); err != nil {
			return nil, fmt.Errorf("vips: %s: %w", prefix, err)
		}
	}
	if v.held, err = loadVIPs(config.Path, config.Gateway, config.Log); err != nil {
		return nil, errors.Join(err, v.release())
	}
	maps.DeleteFunc(v.held, func(_ registry.VIPName, addr netip.Addr) bool { return !usable(prefix, addr) }) // of an earlier range
	v.publishLocked()
	return v, nil
}

// Close gives the range back.
func (v *VIPs) Close() error { return v.release() }

// Lookup returns the address of a name, or zero addresses where it has none. It has the form that a DNS server asks for;
// there is no IPv6 range.
func (v *VIPs) Lookup(name registry.VIPName) (v4, v6 netip.Addr) {
	return (*v.published.Load())[name], netip.Addr{}
}

// Assign gives each of the names an address, and keeps what it gave. Names that are no longer among them keep theirs too,
// for they may come back, until the range is needed. On an error the names that could get an address have one; if only
// the file can't be written, all have, and the next Assign tries again.
func (v *VIPs) Assign(names []registry.VIPName) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	wanted := map[registry.VIPName]bool{}
	var fresh []registry.VIPName
	for _, name := range names {
		if _, has := v.held[name]; !has && !wanted[name] {
			fresh = append(fresh, name)
		}
		wanted[name] = true
	}
	// In order, so that gateways that meet the same names at once place them alike.
	slices.SortFunc(fresh, func(a, b registry.VIPName) int { return strings.Compare(a.String(), b.String()) })
	left := v.placeLocked(fresh, wanted)
	var err error
	if v.dirty {
		v.publishLocked()
		err = saveVIPs(v.path, v.gateway, v.held)
		v.dirty = err != nil
	}
	if len(left) > 0 {
		err = errors.Join(fmt.Errorf("vips: %s is full: no address for %s and %d more; give a larger range", v.prefix, left[0], len(left)-1), err)
	}
	return err
}

// placeLocked gives addresses to names that have none, and returns those for which there is none.
func (v *VIPs) placeLocked(fresh []registry.VIPName, wanted map[registry.VIPName]bool) (left []registry.VIPName) {
	taken := map[netip.Addr]bool{}
	for _, addr := range v.held {
		taken[addr] = true
	}
	for i, name := range fresh {
		addr, ok := place(v.prefix, name, taken)
		if !ok && v.forgetLocked(wanted, taken) {
			addr, ok = place(v.prefix, name, taken)
		}
		if !ok {
			return fresh[i:]
		}
		v.held[name], taken[addr], v.dirty = addr, true, true
	}
	return nil
}

// forgetLocked takes back the addresses of all names that aren't wanted.
func (v *VIPs) forgetLocked(wanted map[registry.VIPName]bool, taken map[netip.Addr]bool) (any bool) {
	for name, addr := range v.held {
		if !wanted[name] {
			delete(v.held, name)
			delete(taken, addr)
			any, v.dirty = true, true
		}
	}
	return any
}

func (v *VIPs) publishLocked() {
	published := maps.Clone(v.held)
	v.published.Store(&published)
}
