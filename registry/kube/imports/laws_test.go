package imports

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	lawNames    = []registry.VIPName{importedWeb, vipName("dns"), {Service: importedWeb.Service, Cluster: "east"}, {Service: importedWeb.Service, Cluster: "east", Hostname: "web-0"}}
	lawPorts    = []registry.Port{tcp(80), udp(53), tcp(81), udp(54)}
	lawSiblings = []string{"grapevine-1", "grapevine-2", "gone"}
	lawStates   = []Sibling{SiblingLive, SiblingLeaving, SiblingLinkDown, SiblingDead}
)

// TestPlanLaws has a situation change at random and its plan carried out in part, and holds after each single write that
// nothing that others own was touched and that no port lost its last endpoint but after the patience that is due.
func TestPlanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := quiet()
		foreign := &derived{object: objectName(lawNames[1]), foreign: true}
		if rapid.Bool().Draw(t, "foreign Service") {
			s.services[foreign.object] = foreign
		}
		theirs := &slice{object: webObject + "-grapevine-0-v4-0", foreign: true, service: webObject}
		if rapid.Bool().Draw(t, "foreign slice") {
			s.slices[theirs.object] = theirs
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			disturb(t, s)
			carryOut(t, s)
		}
		s.settled(t)
		if s.ready {
			for _, task := range s.tasks(s.ownSlices(), map[registry.VIPName]string{}) {
				require.Equal(t, placesOf(s.endpoints(task)), placesOf(endpointsOf(s.ownSlices()[task.object])))
			}
		}
	})
}

// disturb changes what is wanted, what there is, and who lives.
func disturb(t *rapid.T, s *situation) {
	s.ready = rapid.IntRange(0, 3).Draw(t, "ready") > 0
	s.serving = rapid.IntRange(0, 3).Draw(t, "serving") > 0
	s.names = []*nameServer{dnsOf("grapevine-0"), dnsOf("grapevine-1")}
	if rapid.IntRange(0, 4).Draw(t, "moved") == 0 {
		s.podIPs = addrs(fmt.Sprintf("10.0.0.%d", rapid.IntRange(1, 9).Draw(t, "IP")), "fd00::5")
	}
	for _, name := range lawNames {
		delete(s.imports, name)
		s.local[name], s.fronts[name] = pods{}, map[registry.PortNumber]uint16{}
		var ports []registry.Port
		for _, port := range lawPorts {
			if rapid.Bool().Draw(t, "wanted") {
				ports = append(ports, port)
			}
			if rapid.IntRange(0, 5).Draw(t, "listened on") > 0 {
				s.fronts[name][port.Number()] = uint16(rapid.IntRange(20000, 20003).Draw(t, "listen"))
			}
			for _, pod := range rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 0, 3, rapid.ID[int]).Draw(t, "Pods") {
				at := netip.AddrPortFrom(addrs("10.1.0.1", "10.1.0.2", "fd01::1", "10.1.0.1")[pod], uint16(8080+pod))
				s.local[name][port.Number()] = append(s.local[name][port.Number()], at)
			}
		}
		if len(ports) > 0 {
			s.imports[name] = Import{Ports: ports}
		}
	}
	for _, sibling := range lawSiblings {
		delete(s.siblings, sibling)
		if state := rapid.IntRange(0, len(lawStates)).Draw(t, "state"); state < len(lawStates) {
			s.siblings[sibling] = lawStates[state]
			s.fallen[sibling] = lawStates[state] == SiblingLinkDown
		}
		object := ownSliceName(webObject, sibling, false, 0)
		s.slices[object] = &slice{object: object, service: webObject, gateway: sibling, addrs: addrs("10.0.0.99")}
	}
}

// carryOut makes the changes of one plan: with or without those that have to wait, and of each errand as many as succeed.
func carryOut(t *rapid.T, s *situation) {
	late := rapid.Bool().Draw(t, "late")
	for _, e := range plan(s).errands {
		succeed := rapid.IntRange(0, len(e.changes)).Draw(t, "succeed")
		for _, c := range e.changes[:succeed] {
			if c.after > 0 && !late {
				continue
			}
			before, others := covered(s), theirsOf(s)
			s.make(c)
			check(t, s, c, before, others)
		}
	}
}

func check(t *rapid.T, s *situation, c change, before map[string]bool, others map[string]any) {
	after := theirsOf(s)
	for object, there := range others {
		if sibling, is := there.(*slice); is && c.clear != "" && sibling.gateway == c.clear {
			require.NotContains(t, []Sibling{SiblingLive, SiblingLeaving}, s.siblings[c.clear])
		} else {
			require.Same(t, there, after[object])
		}
	}
	wanted := wantedSpots(s)
	for at := range before {
		if c.after == 0 || wanted[at] {
			require.True(t, covered(s)[at] || c.clear != "", "%s lost its endpoints by %s", at, changesOf(upshot{errands: []errand{{changes: []change{c}}}}))
		}
	}
	for _, there := range s.slices {
		require.LessOrEqual(t, len(there.addrs), maxAddrs)
		spots := there.spots()
		require.Len(t, slices.Compact(spots), len(there.ports), "a port's name stands twice")
	}
}

// covered returns which spots of which derived Services have an endpoint by us.
func covered(s *situation) map[string]bool {
	all := map[string]bool{}
	for object, own := range s.ownSlices() {
		for at, places := range endpointsOf(own) {
			all[fmt.Sprint(object, at)] = len(places) > 0
		}
	}
	return all
}

// wantedSpots returns those for which there is something to put.
func wantedSpots(s *situation) map[string]bool {
	all := map[string]bool{}
	for _, task := range s.tasks(s.ownSlices(), map[registry.VIPName]string{}) {
		for at := range s.endpoints(task) {
			all[fmt.Sprint(task.object, at)] = true
		}
	}
	return all
}

// theirsOf returns what isn't ours to write.
func theirsOf(s *situation) map[string]any {
	all := map[string]any{}
	for object, there := range s.slices {
		if there.foreign || there.gateway != s.gateway {
			all["slice "+object] = there
		}
	}
	for object, there := range s.services {
		if there.foreign {
			all["Service "+object] = there
		}
	}
	return all
}

func endpointsOf(own []*slice) endpoints {
	all, _ := endpoints{}.withFormer(own)
	return all
}

func placesOf(e endpoints) map[string]bool {
	all := map[string]bool{}
	for at, places := range e {
		for _, place := range places {
			all[fmt.Sprint(at, place)] = true
		}
	}
	return all
}
