package kube

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A backend is one address of one endpoint, for one port. An endpoint with an address of each family is two.
type backend struct {
	at        netip.AddrPort
	endpoint  string // whose address it is, as far as slices tell: its Pod or host name; empty: nothing tells
	hostname  string
	ready     bool
	lingering bool // being deleted, and still serving
}

// fillEndpoints finds what is ready behind each of the export's ports, and says of it to others what they need: how many
// endpoints there are, and which only where they are reached one by one.
func fillEndpoints(own *registry.Own, all []*discoveryv1.EndpointSlice) {
	export := &own.Export
	own.Backends = map[registry.PortNumber][]registry.Backend{}
	chosen := map[netip.Addr]backend{}
	for i, port := range export.Ports {
		found := choose(gather(port, all))
		target := targetOf(port, found)
		if export.Reach == registry.Flat && target != port.Port {
			if export.Targets == nil {
				export.Targets = numbersOf(export.Ports)
			}
			export.Targets[i] = target
		}
		var behind []registry.Backend
		for _, b := range found {
			if !export.Headless {
				b.hostname = ""
			}
			lost := export.Reach == registry.Flat && b.at.Port() != target // nobody would dial it there
			if known, twice := chosen[b.at.Addr()]; b.ready && !lost && (!twice || known.hostname == "") {
				chosen[b.at.Addr()] = b
			}
			behind = append(behind, registry.Backend{Addr: b.at, Hostname: b.hostname})
		}
		if port.Protocol != registry.SCTP {
			own.Backends[port.Number()] = behind
		}
	}
	export.Ready = count(chosen)
	export.Endpoints = listed(export, chosen)
}

// targetOf returns the number at which most of those behind a port take it, as clients who go there themselves can be told
// only one: of as many the lowest, and of none the port's own.
func targetOf(port registry.Port, behind []backend) uint16 {
	times := map[uint16]int{}
	best := port.Port
	for _, b := range behind {
		n := b.at.Port()
		times[n]++
		if more := times[n] - times[best]; more > 0 || more == 0 && n < best {
			best = n
		}
	}
	return best
}

func numbersOf(ports []registry.Port) []uint16 {
	numbers := make([]uint16, len(ports))
	for i, port := range ports {
		numbers[i] = port.Port
	}
	return numbers
}

// gather returns the addresses behind a port, in order: IPv4 first. An endpoint may stand in two slices while it is moved
// from one to the other: it is what either says of it.
func gather(port registry.Port, all []*discoveryv1.EndpointSlice) []backend {
	found := map[netip.AddrPort]backend{}
	for _, slice := range all {
		number, ok := targetIn(slice, port)
		if !ok || isOurSlice(slice) {
			continue
		}
		for i := range slice.Endpoints {
			b, ok := backendIn(&slice.Endpoints[i], number)
			if !ok {
				continue
			}
			if other, twice := found[b.at]; twice {
				b.ready, b.lingering = b.ready || other.ready, b.lingering || other.lingering
				b.endpoint, b.hostname = max(b.endpoint, other.endpoint), max(b.hostname, other.hostname)
			}
			found[b.at] = b
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b backend) int { return a.at.Compare(b.at) })
}

// targetIn returns the number of the port in the slice. They are matched by name, which is how one Service's port can be
// different numbers in different Pods.
func targetIn(slice *discoveryv1.EndpointSlice, port registry.Port) (uint16, bool) {
	if slice.AddressType != discoveryv1.AddressTypeIPv4 && slice.AddressType != discoveryv1.AddressTypeIPv6 {
		return 0, false
	}
	for _, p := range slice.Ports {
		protocol := registry.TCP
		if p.Protocol != nil {
			protocol = protocolOf(*p.Protocol)
		}
		if p.Port != nil && *p.Port > 0 && *p.Port < 1<<16 && valueOf(p.Name) == port.Name && protocol == port.Protocol {
			return uint16(*p.Port), true
		}
	}
	return 0, false
}

// backendIn returns the endpoint's address; the first one, as kube-proxy takes it.
func backendIn(e *discoveryv1.Endpoint, port uint16) (backend, bool) {
	if len(e.Addresses) == 0 {
		return backend{}, false
	}
	addr, err := netip.ParseAddr(e.Addresses[0])
	if addr = addr.Unmap(); err != nil || addr.Zone() != "" || !addr.IsGlobalUnicast() {
		return backend{}, false
	}
	b := backend{at: netip.AddrPortFrom(addr, port), hostname: valueOf(e.Hostname), endpoint: identity(e)}
	if registry.CheckLabel(b.hostname) != nil {
		b.hostname = ""
	}
	c := e.Conditions
	b.ready = c.Ready == nil || *c.Ready
	b.lingering = !b.ready && valueOf(c.Serving) && valueOf(c.Terminating)
	return b, true
}

// identity tells the addresses of one endpoint from those of another.
func identity(e *discoveryv1.Endpoint) string {
	if ref := e.TargetRef; ref != nil && *ref != (corev1.ObjectReference{}) {
		return cmp.Or(string(ref.UID), ref.Kind+"/"+ref.Namespace+"/"+ref.Name)
	}
	return valueOf(e.Hostname)
}

// choose returns what is ready, or, where nothing is, what serves its last requests: callers who haven't heard yet that it goes
// are better served than refused. To others it doesn't count, so that they go elsewhere while it still serves.
func choose(all []backend) []backend {
	ready := slices.DeleteFunc(slices.Clone(all), func(b backend) bool { return !b.ready })
	if len(ready) > 0 {
		return ready
	}
	return slices.DeleteFunc(slices.Clone(all), func(b backend) bool { return !b.lingering })
}

// count counts endpoints rather than addresses: one with an address of each family is one. Of those that nothing tells
// apart, each address of the family that has more of them is one.
func count(chosen map[netip.Addr]backend) uint32 {
	type perFamily struct{ v4, v6 uint32 }
	families := map[string]perFamily{}
	for addr, b := range chosen {
		n := families[b.endpoint]
		if addr.Is4() {
			n.v4++
		} else {
			n.v6++
		}
		families[b.endpoint] = n
	}
	var total uint32
	for _, n := range families {
		total += max(n.v4, n.v6)
	}
	return total
}

// listed returns those endpoints that others have to know one by one: all of a flat export, and of a headless one those that
// have a host name.
func listed(e *registry.Export, chosen map[netip.Addr]backend) []registry.Endpoint {
	var endpoints []registry.Endpoint
	for _, addr := range slices.SortedFunc(maps.Keys(chosen), netip.Addr.Compare) {
		if hostname := chosen[addr].hostname; e.Reach == registry.Flat || hostname != "" {
			endpoints = append(endpoints, registry.Endpoint{Addr: addr, Hostname: hostname})
		}
	}
	return endpoints[:min(len(endpoints), registry.MaxEndpoints)]
}

// valueOf is the value behind p, or its type's zero.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
