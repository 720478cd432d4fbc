package imports

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The ports that a gateway listens on for others' services: above those that anything well known has, and below those that
// Linux gives to outgoing connections (from 32768) and Kubernetes to node ports (from 30000).
const (
	firstPort = 10000
	lastPort  = 29999
)

// portRest is how long a port that isn't wanted any more is given to nobody else: a kube-proxy that is behind, or a client's
// last packets, would bring one service's traffic to another.
const portRest = time.Minute

// Ports says which local port this gateway listens on for each port of each name. A name keeps its ports as long as it is
// wanted, and longer, until the range is needed; and the name's hash says where to look for a free one, so a restarted
// gateway mostly has the same ones again. Each gateway places by itself, since each has EndpointSlices of its own.
//
// It is for one goroutine.
type Ports struct {
	listen      netip.Addr
	first, last uint16
	held        map[portOf]*holding
	taken       map[registry.PortNumber]time.Time // held ones, and those that couldn't be bound: then since when
}

type portOf struct {
	name registry.VIPName
	port registry.PortNumber
}

type holding struct {
	number registry.PortNumber
	wanted time.Time // for the last time
}

// NewPorts returns ports of which none is taken. They are listened on at the unspecified address: of IPv6, which takes IPv4
// too, where the Pod has an address of that family.
func NewPorts(podIPs []netip.Addr) *Ports {
	listen := netip.IPv4Unspecified()
	if slices.ContainsFunc(podIPs, func(ip netip.Addr) bool { return ip.Unmap().Is6() }) {
		listen = netip.IPv6Unspecified()
	}
	return &Ports{
		listen: listen, first: firstPort, last: lastPort,
		held: map[portOf]*holding{}, taken: map[registry.PortNumber]time.Time{},
	}
}

// Place returns where to listen for what is wanted, ordered. On an error those that could get a port have one.
func (p *Ports) Place(wanted map[registry.VIPName][]registry.Port, now time.Time) ([]registry.Front, error) {
	var fronts []registry.Front
	var left []portOf
	for _, of := range portsOf(wanted) {
		h := p.held[of]
		if h == nil {
			h = p.take(of, now)
		}
		if h == nil {
			left = append(left, of)
			continue
		}
		h.wanted = now
		fronts = append(fronts, registry.Front{Name: of.name, Port: of.port, Listen: netip.AddrPortFrom(p.listen, h.number.Port)})
	}
	if len(left) > 0 {
		return fronts, fmt.Errorf("ports: %d to %d are all taken: none to listen on for port %d/%s of %s and %d more; export fewer services",
			p.first, p.last, left[0].port.Port, left[0].port.Protocol, left[0].name, len(left)-1)
	}
	return fronts, nil
}

// Refused says that these couldn't be listened on: something else has their ports. The next Place gives them others.
func (p *Ports) Refused(fronts []registry.Front, now time.Time) {
	for _, front := range fronts {
		of := portOf{front.Name, front.Port}
		if h := p.held[of]; h != nil && h.number.Port == front.Listen.Port() {
			delete(p.held, of)
			p.taken[h.number] = now
		}
	}
}

// Keep takes the ports that this gateway had before it was restarted, as its EndpointSlices have them ([Importer.Recorded]).
// Until those are written anew they bring a service's traffic to the port that it had.
func (p *Ports) Keep(fronts []registry.Front, now time.Time) {
	for _, front := range fronts {
		of, number := portOf{front.Name, front.Port}, registry.PortNumber{Port: front.Listen.Port(), Protocol: front.Port.Protocol}
		_, taken := p.taken[number]
		if p.held[of] == nil && !taken && number.Port >= p.first && number.Port <= p.last {
			p.hold(of, number, now)
		}
	}
}

// take finds a free port: where the hash points, or the next one that is free.
func (p *Ports) take(of portOf, now time.Time) *holding {
	size := int(p.last-p.first) + 1
	for range 2 {
		for i := range size {
			at := p.first + uint16((of.hash()%uint64(size)+uint64(i))%uint64(size))
			number := registry.PortNumber{Port: at, Protocol: of.port.Protocol}
			if _, taken := p.taken[number]; !taken {
				return p.hold(of, number, now)
			}
		}
		if !p.forget(now) {
			return nil
		}
	}
	return nil
}

func (p *Ports) hold(of portOf, number registry.PortNumber, now time.Time) *holding {
	h := &holding{number: number, wanted: now}
	p.held[of], p.taken[number] = h, time.Time{}
	return h
}

// forget gives back the ports that have rested: those that nobody wanted, and those that couldn't be bound.
func (p *Ports) forget(now time.Time) (any bool) {
	before := len(p.taken)
	for of, h := range p.held {
		if now.Sub(h.wanted) > portRest {
			delete(p.held, of)
			delete(p.taken, h.number)
		}
	}
	maps.DeleteFunc(p.taken, func(_ registry.PortNumber, refused time.Time) bool {
		return !refused.IsZero() && now.Sub(refused) > portRest
	})
	return len(p.taken) < before
}

func (of portOf) hash() uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write(binary.BigEndian.AppendUint16([]byte(of.name.String()+"/"+string(of.port.Protocol)), of.port.Port))
	return hash.Sum64()
}

// portsOf lists what is wanted in order, so that a gateway that meets the same names again places them alike.
func portsOf(wanted map[registry.VIPName][]registry.Port) []portOf {
	var all []portOf
	for name, ports := range wanted {
		for _, port := range ports {
			if carried(port) {
				all = append(all, portOf{name, port.Number()})
			}
		}
	}
	slices.SortFunc(all, func(a, b portOf) int {
		if c := strings.Compare(a.name.String(), b.name.String()); c != 0 {
			return c
		}
		return comparePorts(a.port, b.port)
	})
	return slices.Compact(all)
}
