package imports

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	importedWeb = vipName("web")
	webObject   = objectName(importedWeb)
)

// quiet is a situation in which nothing is wanted: gateway grapevine-0 at 10.0.0.5, beside grapevine-1, which lives.
func quiet() *situation {
	return &situation{
		gateway: "grapevine-0", podIPs: addrs("10.0.0.5"), ready: true,
		imports: map[registry.VIPName]Import{}, local: map[registry.VIPName]pods{},
		fronts:   map[registry.VIPName]map[registry.PortNumber]uint16{},
		siblings: map[string]Sibling{"grapevine-1": SiblingLive}, fallen: map[string]bool{},
		services: map[string]*derived{}, slices: map[string]*slice{},
	}
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// want imports web with these ports, each of which is listened on: port 80 on 20080.
func (s *situation) want(ports ...registry.Port) {
	s.imports[importedWeb] = Import{Ports: ports}
	s.fronts[importedWeb] = map[registry.PortNumber]uint16{}
	for _, port := range ports {
		s.fronts[importedWeb][port.Number()] = 20000 + port.Port
	}
}

// serve has the port served by Pods of this cluster.
func (s *situation) serve(port registry.Port, at ...string) {
	if s.local[importedWeb] == nil {
		s.local[importedWeb] = pods{}
	}
	s.local[importedWeb][port.Number()] = nil
	for _, text := range at {
		s.local[importedWeb][port.Number()] = append(s.local[importedWeb][port.Number()], netip.MustParseAddrPort(text))
	}
}

// make makes a change as the API server would.
func (s *situation) make(c change) {
	switch {
	case c.clear != "":
		for object, there := range s.slices {
			if !there.foreign && there.gateway == c.clear {
				delete(s.slices, object)
			}
		}
	case c.service != nil && c.verb == remove:
		delete(s.services, c.service.object)
	case c.service != nil:
		s.services[c.service.object] = c.service
	case c.verb == remove:
		delete(s.slices, c.slice.object)
	default:
		s.slices[c.slice.object] = c.slice
	}
}

// settled makes all changes until there are none, however long they have to wait.
func (s *situation) settled(t require.TestingT) *situation {
	for range 10 {
		errands := plan(s).errands
		if len(errands) == 0 {
			return s
		}
		for _, e := range errands {
			for _, c := range e.changes {
				s.make(c)
			}
		}
	}
	require.Fail(t, "the plan never ends")
	return s
}

// told describes what a plan has to do, such as "slice v4-0: tcp-80 at 10.0.0.5:20080" or "in 5s delete Service".
func changesOf(o upshot) []string {
	lines := []string{}
	for _, e := range o.errands {
		for _, c := range e.changes {
			line := ""
			if c.after > 0 {
				line = "in " + c.after.String() + " "
			}
			if c.verb == remove {
				line += "delete "
			}
			switch {
			case c.clear != "":
				line += "clear " + c.clear
			case c.service != nil:
				line += "Service"
			default:
				line += "slice " + strings.TrimPrefix(c.slice.object, webObject+"-grapevine-0-")
			}
			if c.verb == apply {
				line += ": " + content(c)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func content(c change) string {
	var words []string
	if c.service != nil {
		for _, port := range c.service.ports {
			words = append(words, port.name)
		}
		return strings.Join(words, " ")
	}
	for _, addr := range c.slice.addrs {
		for _, port := range c.slice.ports {
			words = append(words, fmt.Sprintf("%s at %s", port.name, netip.AddrPortFrom(addr, port.number.Port)))
		}
	}
	return strings.Join(words, ", ")
}

func TestPlan(t *testing.T) {
	for _, row := range []struct {
		when   string
		before func(*situation) // settles
		then   func(*situation)
		plan   []string
	}{
		{"a service is new", nil, func(s *situation) { s.want(tcp(80), udp(53)) },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080, udp-53 at 10.0.0.5:20053", "Service: udp-53 tcp-80"}},
		{"a service is new and we aren't the first", nil, func(s *situation) { s.gateway = "grapevine-2"; s.want(tcp(80)) },
			[]string{"slice " + webObject + "-grapevine-2-v4-0: tcp-80 at 10.0.0.5:20080", "in 3s Service: tcp-80"}},
		{"a service is new and isn't listened on yet", nil, func(s *situation) { s.want(tcp(80)); clear(s.fronts) }, nil},
		{"the Pod has two families", nil, func(s *situation) { s.podIPs = addrs("10.0.0.5", "fd00::5"); s.want(tcp(80)) },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080", "slice v6-0: tcp-80 at [fd00::5]:20080", "Service: tcp-80"}},
		{"nothing has changed", func(s *situation) { s.want(tcp(80)) }, func(*situation) {}, nil},

		{"Pods here serve it", nil, func(s *situation) { s.want(tcp(80)); s.serve(tcp(80), "10.0.1.1:8080", "10.0.1.2:8080") },
			[]string{"slice v4-0: tcp-80 at 10.0.1.1:8080, tcp-80 at 10.0.1.2:8080", "Service: tcp-80"}},
		{"Pods have other numbers for one port", nil,
			func(s *situation) { s.want(tcp(80)); s.serve(tcp(80), "10.0.1.1:8080", "10.0.1.2:9090") },
			[]string{"slice v4-0: tcp-80 at 10.0.1.1:8080", "slice v4-1: tcp-80 at 10.0.1.2:9090", "Service: tcp-80"}},
		{"one Pod has a port under two numbers", nil,
			func(s *situation) { s.want(tcp(80)); s.serve(tcp(80), "10.0.1.1:8080", "10.0.1.1:9090") },
			[]string{"slice v4-0: tcp-80 at 10.0.1.1:8080", "slice v4-1: tcp-80 at 10.0.1.1:9090", "Service: tcp-80"}},
		{"Pods serve one port of two", nil, func(s *situation) { s.want(tcp(80), tcp(81)); s.serve(tcp(80), "10.0.1.1:8080") },
			[]string{"slice v4-0: tcp-80 at 10.0.1.1:8080", "slice v4-1: tcp-81 at 10.0.0.5:20081", "Service: tcp-80 tcp-81"}},
		{"Pods have one family and we have two", nil,
			func(s *situation) {
				s.podIPs = addrs("10.0.0.5", "fd00::5")
				s.want(tcp(80))
				s.serve(tcp(80), "10.0.1.1:8080")
			},
			[]string{"slice v4-0: tcp-80 at 10.0.1.1:8080", "slice v6-0: tcp-80 at [fd00::5]:20080", "Service: tcp-80"}},
		{"the last Pod goes", func(s *situation) { s.want(udp(53)); s.serve(udp(53), "10.0.1.1:53") },
			func(s *situation) { s.serve(udp(53)) },
			[]string{"slice v4-0: udp-53 at 10.0.0.5:20053"}},
		{"the first Pod comes", func(s *situation) { s.want(udp(53)) }, func(s *situation) { s.serve(udp(53), "10.0.1.1:53") },
			[]string{"slice v4-0: udp-53 at 10.0.1.1:53"}},
		{"the first Pod comes for one port of two", func(s *situation) { s.want(tcp(80), udp(53)) },
			func(s *situation) { s.serve(tcp(80), "10.0.1.1:8080") },
			[]string{"slice v4-1: udp-53 at 10.0.0.5:20053", "slice v4-0: tcp-80 at 10.0.1.1:8080"}},
		{"ports are served together again", func(s *situation) { s.want(tcp(80), udp(53)); s.serve(tcp(80), "10.0.1.1:8080") },
			func(s *situation) { s.serve(tcp(80)) },
			[]string{"slice v4-1: tcp-80 at 10.0.0.5:20080, udp-53 at 10.0.0.5:20053", "delete slice v4-0"}},

		{"we have another Pod IP", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { s.podIPs = addrs("10.0.0.9") },
			[]string{"slice v4-0: tcp-80 at 10.0.0.9:20080"}},
		{"a port was moved", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { s.fronts[importedWeb][tcp(80).Number()] = 20999 },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20999"}},
		{"nothing is listened on any more", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { clear(s.fronts) },
			[]string{"in 5s delete slice v4-0"}},
		{"nothing is listened on yet after a restart", func(s *situation) { s.want(tcp(80)) },
			func(s *situation) { clear(s.fronts); s.ready = false }, nil},
		{"a port comes", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { s.want(tcp(80), tcp(81)) },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080, tcp-81 at 10.0.0.5:20081", "Service: tcp-80 tcp-81"}},
		{"a port goes", func(s *situation) { s.want(tcp(80), tcp(81)) }, func(s *situation) { s.want(tcp(80)) },
			[]string{"in 5s slice v4-0: tcp-80 at 10.0.0.5:20080", "in 5s Service: tcp-80"}},
		{"a port goes and the directory isn't ready", func(s *situation) { s.want(tcp(80), tcp(81)) },
			func(s *situation) { s.want(tcp(80)); s.ready = false }, nil},
		{"a port comes and another goes", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { s.want(tcp(81)) },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080, tcp-81 at 10.0.0.5:20081", "Service: tcp-80 tcp-81"}},
		{"the service goes", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { clear(s.imports) },
			[]string{"in 5s delete slice v4-0", "in 5s delete Service"}},
		{"the service goes and we aren't the first", func(s *situation) { s.want(tcp(80)) },
			func(s *situation) { clear(s.imports); s.siblings["gate"] = SiblingLive },
			[]string{"in 5s delete slice v4-0", "in 8s delete Service"}},
		{"the service goes and the directory isn't ready", func(s *situation) { s.want(tcp(80)) },
			func(s *situation) { clear(s.imports); s.ready = false }, nil},
		{"somebody deleted the Service", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { clear(s.services) },
			[]string{"Service: tcp-80"}},
		{"somebody deleted our slice", func(s *situation) { s.want(tcp(80)) }, func(s *situation) { clear(s.slices) },
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080"}},
		{"somebody meddled with our slice", func(s *situation) { s.want(tcp(80)) },
			func(s *situation) {
				for _, there := range s.slices {
					there.odd = true
				}
			},
			[]string{"slice v4-0: tcp-80 at 10.0.0.5:20080"}},
		{"the Service is somebody else's", nil,
			func(s *situation) {
				s.want(tcp(80))
				s.services[webObject] = &derived{object: webObject, foreign: true}
			}, nil},
		{"a slice of the name is somebody else's", nil,
			func(s *situation) {
				s.want(tcp(80))
				s.slices[webObject+"-grapevine-0-v4-0"] = &slice{object: webObject + "-grapevine-0-v4-0", foreign: true}
			},
			[]string{"slice v4-1: tcp-80 at 10.0.0.5:20080", "Service: tcp-80"}},

		{"a sibling's link goes down", theirs, func(s *situation) { s.siblings["grapevine-1"] = SiblingLinkDown; s.fallen["grapevine-1"] = true },
			[]string{"clear grapevine-1"}},
		{"a sibling's link has been down", theirs, func(s *situation) { s.siblings["grapevine-1"] = SiblingLinkDown }, nil},
		{"a sibling's link goes down and we aren't the first", theirs,
			func(s *situation) {
				s.siblings["a"], s.siblings["grapevine-1"], s.fallen["grapevine-1"] = SiblingLive, SiblingLinkDown, true
			}, nil},
		{"a sibling is dead", theirs, func(s *situation) { s.siblings["grapevine-1"] = SiblingDead }, []string{"clear grapevine-1"}},
		{"a sibling is dead and we aren't the first", theirs,
			func(s *situation) { s.siblings["a"], s.siblings["grapevine-1"] = SiblingLive, SiblingDead },
			[]string{"in 3s clear grapevine-1"}},
		{"a sibling is dead and our own slices aren't there yet", theirs,
			func(s *situation) { s.siblings["grapevine-1"] = SiblingDead; s.podIPs = addrs("10.0.0.9") },
			[]string{"in 3s clear grapevine-1", "slice v4-0: tcp-80 at 10.0.0.9:20080"}},
		{"nobody knows a gateway", theirs, func(s *situation) { clear(s.siblings) }, []string{"in 2s clear grapevine-1"}},
		{"nobody knows a gateway and the directory isn't ready", theirs,
			func(s *situation) { clear(s.siblings); s.ready = false }, nil},
	} {
		t.Run(row.when, func(t *testing.T) {
			s := quiet()
			if row.before != nil {
				row.before(s)
				s.settled(t)
			}
			row.then(s)
			if row.plan == nil {
				row.plan = []string{}
			}
			require.Equal(t, row.plan, changesOf(plan(s)))
			s.settled(t)
		})
	}
}

// theirs is web, with a slice of grapevine-1 as well.
func theirs(s *situation) {
	s.want(tcp(80))
	s.slices["theirs"] = &slice{
		object: "theirs", service: webObject, gateway: "grapevine-1", addrs: addrs("10.0.0.6"),
		ports: []slicePort{{"tcp-80", registry.PortNumber{Port: 20080, Protocol: registry.TCP}}},
	}
}

func TestPlanReportsAServiceThatIsSomebodyElses(t *testing.T) {
	s := quiet()
	s.want(tcp(80))
	s.services[webObject] = &derived{object: webObject, foreign: true}
	o := plan(s)
	require.Contains(t, o.problems[importedWeb], webObject)
	require.Empty(t, o.inPlace)
}

// TestPlanSplitsManyPods holds that a slice has at most 100 addresses, and that one Pod that comes changes one slice.
func TestPlanSplitsManyPods(t *testing.T) {
	s := quiet()
	s.want(tcp(80))
	var at []string
	for i := range 1000 {
		at = append(at, fmt.Sprintf("10.1.%d.%d:8080", i/250, i%250))
	}
	s.serve(tcp(80), at...)
	s.settled(t)
	var all []netip.Addr
	for _, there := range s.slices {
		require.LessOrEqual(t, len(there.addrs), 100)
		all = append(all, there.addrs...)
	}
	require.Len(t, all, 1000)
	require.LessOrEqual(t, len(s.slices), 32)
	s.serve(tcp(80), append(at, "10.2.0.1:8080")...)
	require.Len(t, changesOf(plan(s)), 1)
	s.serve(tcp(80), slices.Delete(at, 500, 501)...)
	require.Len(t, changesOf(plan(s)), 1)
}

// TestPatience holds changes back for as long as they say, and from anew when they weren't wanted in between.
func TestPatience(t *testing.T) {
	s := quiet()
	s.want(tcp(80), tcp(81), tcp(82))
	s.settled(t)
	p := patience{}
	ripe := func(after time.Duration) []string {
		due, _ := p.due(plan(s).errands, noon.Add(after))
		return changesOf(upshot{errands: due})
	}
	s.want(tcp(80), tcp(81))
	require.Empty(t, ripe(0))
	_, next := p.due(plan(s).errands, noon.Add(time.Second))
	require.Equal(t, noon.Add(5*time.Second), next)
	s.want(tcp(80), tcp(81), tcp(82))
	require.Empty(t, ripe(4*time.Second), "wanted again")
	s.want(tcp(80), tcp(81))
	require.Empty(t, ripe(5*time.Second))
	s.want(tcp(80))
	require.Empty(t, ripe(9*time.Second), "one more goes: both wait for it")
	require.Empty(t, ripe(13*time.Second))
	require.Equal(t, []string{"slice v4-0: tcp-80 at 10.0.0.5:20080", "Service: tcp-80"}, bare(ripe(14*time.Second)))
}

func bare(lines []string) []string {
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "in 5s ")
	}
	return lines
}

func TestHostsRestLonger(t *testing.T) {
	host := registry.VIPName{Service: importedWeb.Service, Cluster: "west", Hostname: "web-0"}
	for _, row := range []struct {
		when    string
		imports []registry.VIPName
		rest    time.Duration
	}{
		{"its service is there still", []registry.VIPName{importedWeb}, hostRest},
		{"its cluster's is", []registry.VIPName{{Service: importedWeb.Service, Cluster: "west"}}, hostRest},
		{"another cluster's is", []registry.VIPName{{Service: importedWeb.Service, Cluster: "north"}}, takeAway},
		{"nothing is left", nil, takeAway},
	} {
		s := &situation{imports: map[registry.VIPName]Import{}}
		for _, name := range row.imports {
			s.imports[name] = Import{}
		}
		require.Equal(t, row.rest, s.rest(host), row.when)
		require.Equal(t, takeAway, s.rest(importedWeb), row.when)
	}
}
