package dnsserver

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/grapevine-mesh/grapevine/registry"
)

// fakeDirectory holds exports as lines of text gave them. Clusters are ranked in the order of the lines.
type fakeDirectory struct {
	ready    bool
	services map[registry.ServiceName]registry.Service
	ranked   []registry.Cluster
	vip      map[string][2]netip.Addr // by "name.namespace" or "cluster.name.namespace"
}

func (d *fakeDirectory) Ready() bool        { return d.ready }
func (d *fakeDirectory) Generation() uint64 { return 7 }

func (d *fakeDirectory) HasNamespace(namespace string, keep func(*registry.Export) bool) bool {
	for name, known := range d.services {
		if name.Namespace == namespace && slices.ContainsFunc(known.Offers, func(o registry.Offer) bool { return keep(&o.Export) }) {
			return true
		}
	}
	return false
}

func (d *fakeDirectory) Lookup(name registry.ServiceName) (registry.Service, bool) {
	s, ok := d.services[name]
	return s, ok
}

func (d *fakeDirectory) Route(vip registry.VIPName, _ registry.Cluster, _ func(uint64) uint64) []registry.Candidate {
	var ways []registry.Candidate
	for _, cluster := range d.ranked {
		for _, offer := range d.services[vip.Service].Offers {
			visible := vip.Cluster == "" && offer.Export.Visibility.Federated() || vip.Cluster == cluster && offer.Export.Visibility.Mirrored()
			if offer.Cluster == cluster && visible && offer.Eligible {
				ways = append(ways, registry.Candidate{Cluster: cluster, Gateways: []registry.Gateway{{Cluster: cluster, Name: "0"}}})
			}
		}
	}
	return ways
}

func (d *fakeDirectory) VIPs(name registry.VIPName) (v4, v6 netip.Addr) {
	return d.vip[name.String()][0], d.vip[name.String()][1]
}

// add reads one line:
//
//	export CLUSTER NAME.NAMESPACE VISIBILITY REACH [down] [headless] [mcs] [since=SECONDS] [allow=CLUSTER] PORT:NUMBER/PROTOCOL… [[HOST=]ADDR…]
//	vip [[HOST.]CLUSTER.]NAME.NAMESPACE V4 [V6]
//	unsynced
func (d *fakeDirectory) add(line string) error {
	words := strings.Fields(line)
	switch words[0] {
	case "unsynced":
		d.ready = false
		return nil
	case "vip":
		var pair [2]netip.Addr
		for _, word := range words[2:] {
			addr := netip.MustParseAddr(word)
			pair[addr.BitLen()/128] = addr
		}
		d.vip[words[1]] = pair
		return nil
	case "export":
		return d.addExport(words[1:])
	}
	return fmt.Errorf("unknown line: %s", line)
}

func (d *fakeDirectory) addExport(words []string) error {
	name, namespace, _ := strings.Cut(words[1], ".")
	offer := registry.Offer{Cluster: registry.Cluster(words[0]), Eligible: true, Export: registry.Export{
		Service:    registry.ServiceName{Namespace: namespace, Name: name},
		Visibility: registry.Visibility(words[2]), Reach: registry.Reach(words[3]), Affinity: registry.Local, Ready: 1,
	}}
	export := &offer.Export
	for _, word := range words[4:] {
		if word == "down" {
			offer.Eligible = false
		} else if word == "headless" {
			export.Headless = true
		} else if word == "mcs" {
			export.MCS = &registry.MCS{}
		} else if since, ok := strings.CutPrefix(word, "since="); ok {
			export.Since, _ = strconv.ParseInt(since, 10, 64)
		} else if allowed, ok := strings.CutPrefix(word, "allow="); ok {
			export.Allow = append(export.Allow, registry.Cluster(allowed))
		} else if number, proto, ok := strings.Cut(word, "/"); ok {
			portName, numbers, _ := strings.Cut(number, ":")
			number, target, other := strings.Cut(numbers, ">")
			n, err := strconv.ParseUint(number, 10, 16)
			if err != nil {
				return err
			}
			export.Ports = append(export.Ports, registry.Port{Name: portName, Port: uint16(n), Protocol: registry.Protocol(proto)})
			if other {
				n, err = strconv.ParseUint(target, 10, 16)
				export.Targets = append(export.Targets, uint16(n))
			}
			if err != nil {
				return err
			}
		} else {
			host, addr, found := strings.Cut(word, "=")
			if !found {
				host, addr = "", word
			}
			export.Endpoints = append(export.Endpoints, registry.Endpoint{Addr: netip.MustParseAddr(addr), Hostname: host})
		}
	}
	if err := export.Validate(); err != nil {
		return err
	}
	offer.Eligible = offer.Eligible && (offer.Cluster == "east" || export.Allows("east"))
	if !slices.Contains(d.ranked, offer.Cluster) {
		d.ranked = append(d.ranked, offer.Cluster)
	}
	known := d.services[export.Service]
	known.Name = export.Service
	known.Offers = append(known.Offers, offer)
	slices.SortFunc(known.Offers, func(a, b registry.Offer) int { return cmp.Compare(a.Cluster, b.Cluster) })
	d.services[export.Service] = known
	return nil
}
