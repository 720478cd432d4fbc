package imports

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/grapevine-mesh/grapevine/registry"
)

var noon = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func vipName(name string) registry.VIPName {
	return registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: name}}
}

func tcp(port uint16) registry.Port {
	return registry.Port{Name: fmt.Sprintf("t%d", port), Port: port, Protocol: registry.TCP}
}

func udp(port uint16) registry.Port {
	return registry.Port{Name: fmt.Sprintf("u%d", port), Port: port, Protocol: registry.UDP}
}

// many wants n services of one port each.
func many(prefix string, n int) map[registry.VIPName][]registry.Port {
	wanted := map[registry.VIPName][]registry.Port{}
	for i := range n {
		wanted[vipName(fmt.Sprint(prefix, i))] = []registry.Port{tcp(80)}
	}
	return wanted
}

func fronted(t testing.TB, p *Ports, wanted map[registry.VIPName][]registry.Port, now time.Time) map[portOf]uint16 {
	fronts, err := p.Place(wanted, now)
	require.NoError(t, err)
	return numbers(fronts)
}

func numbers(fronts []registry.Front) map[portOf]uint16 {
	at := map[portOf]uint16{}
	for _, front := range fronts {
		at[portOf{front.Name, front.Port}] = front.Listen.Port()
	}
	return at
}

func TestPortsCarryTCPAndUDP(t *testing.T) {
	sctp := registry.Port{Name: "s", Port: 80, Protocol: registry.SCTP}
	p := NewPorts([]netip.Addr{netip.MustParseAddr("10.0.0.5")})
	fronts, err := p.Place(map[registry.VIPName][]registry.Port{vipName("web"): {tcp(80), udp(80), sctp}}, noon)
	require.NoError(t, err)
	require.Len(t, fronts, 2, "SCTP isn't carried")
	for _, front := range fronts {
		require.Equal(t, netip.IPv4Unspecified(), front.Listen.Addr())
		require.GreaterOrEqual(t, front.Listen.Port(), uint16(10000))
		require.Less(t, front.Listen.Port(), uint16(30000))
	}

	dual := NewPorts([]netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")})
	fronts, err = dual.Place(many("s", 1), noon)
	require.NoError(t, err)
	require.Equal(t, netip.IPv6Unspecified(), fronts[0].Listen.Addr(), "which takes IPv4 too")
}

// TestPortsAreStable restarts, adds names, and has names go and come back.
func TestPortsAreStable(t *testing.T) {
	p := NewPorts(nil)
	before := fronted(t, p, many("s", 500), noon)
	require.Equal(t, before, fronted(t, NewPorts(nil), many("s", 500), noon), "after a restart")

	fronted(t, p, many("other", 500), noon.Add(time.Hour))
	require.Equal(t, before, fronted(t, p, many("s", 500), noon.Add(2*time.Hour)), "having been away")

	late := NewPorts(nil) // meets other names first, which may sit where these would
	fronted(t, late, many("other", 3000), noon)
	require.NotEqual(t, before, fronted(t, late, many("s", 500), noon))
	kept := NewPorts(nil)
	fronts, err := p.Place(many("s", 500), noon)
	require.NoError(t, err)
	kept.Keep(fronts, noon)
	fronted(t, kept, many("other", 3000), noon)
	require.Equal(t, before, fronted(t, kept, many("s", 500), noon), "told what it had")
}

func TestPortThatCouldNotBeBoundMovesElsewhere(t *testing.T) {
	p := NewPorts(nil)
	fronts, err := p.Place(many("s", 2), noon)
	require.NoError(t, err)
	before := numbers(fronts)
	p.Refused(fronts[:1], noon)
	after := fronted(t, p, many("s", 2), noon)
	refused, fine := portOf{fronts[0].Name, fronts[0].Port}, portOf{fronts[1].Name, fronts[1].Port}
	require.NotEqual(t, before[refused], after[refused])
	require.Equal(t, before[fine], after[fine])

	p.Refused(fronts[:1], noon) // told late: it has moved already
	require.Equal(t, after, fronted(t, p, many("s", 2), noon))
}

// TestPortsRunOut gives the ports of names that are gone to others, but not before they have rested.
func TestPortsRunOut(t *testing.T) {
	p := NewPorts(nil)
	p.first, p.last = 10000, 10009
	fronted(t, p, many("s", 10), noon)
	fronts, err := p.Place(many("other", 4), noon.Add(time.Second))
	require.ErrorContains(t, err, "ports: 10000 to 10009 are all taken: none to listen on for port 80/TCP of other0.shop and 3 more")
	require.Empty(t, fronts)
	p.Refused(fronts, noon)

	require.Len(t, fronted(t, p, many("other", 4), noon.Add(2*time.Minute)), 4)
	require.Len(t, fronted(t, p, map[registry.VIPName][]registry.Port{vipName("dns"): {udp(53)}}, noon), 1, "UDP has a range of its own")

	full := NewPorts(nil)
	full.first, full.last = 10000, 10003
	fronts, err = full.Place(many("s", 4), noon)
	require.NoError(t, err)
	full.Refused(fronts[:1], noon)
	_, err = full.Place(many("s", 4), noon)
	require.Error(t, err, "the one that is left can't be bound")
	require.Len(t, fronted(t, full, many("s", 4), noon.Add(2*time.Minute)), 4, "and is tried again")
}

// TestPortsNeverMeet holds that two names never share a port, whatever happened before.
func TestPortsNeverMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPorts(nil)
		p.first, p.last = 10000, 10019
		now := noon
		var fronts []registry.Front
		last := map[registry.PortNumber]portOf{} // of each local port, by whom and when it was used last
		used := map[registry.PortNumber]time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "seconds")) * time.Second)
			if len(fronts) > 0 && rapid.Bool().Draw(t, "refused") {
				p.Refused(fronts[:1], now)
			}
			wanted := map[registry.VIPName][]registry.Port{}
			for _, name := range rapid.SliceOfN(rapid.IntRange(0, 30), 0, 12).Draw(t, "names") {
				wanted[vipName(fmt.Sprint("s", name))] = []registry.Port{tcp(80), udp(80)}
			}
			fronts, _ = p.Place(wanted, now)
			for _, front := range fronts {
				local, of := registry.PortNumber{Port: front.Listen.Port(), Protocol: front.Port.Protocol}, portOf{front.Name, front.Port}
				if last[local] != of && !used[local].IsZero() {
					require.Greater(t, now.Sub(used[local]), portRest, "the port has not rested")
				}
				last[local], used[local] = of, now
			}
		}
	})
}
