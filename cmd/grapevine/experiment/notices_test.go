package experiment

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// TestNoticesTellEachVerdictOnce goes through a kill as two observers tell it, with the noise that comes with it.
func TestNoticesTellEachVerdictOnce(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return begun.Add(time.Duration(seconds * float64(time.Second))) }
	var out bytes.Buffer
	n := newNotices(&story{screen: NewScreen(&out), begun: begun})
	hear := func(seconds float64, observer, kind, gateway, state string) {
		n.hear(chaos.MeshEvent{Observer: observer, Time: at(seconds), Type: kind, Gateway: gateway, State: state, Reason: "heartbeat"})
	}
	hear(-1, "east/e-0", "link", "west/w-0", "up") // before the clock
	hear(9, "east/e-0", "link", "north/n-1", "suspect")
	hear(9.2, "east/e-0", "link", "north/n-1", "up")
	n.strike(hit{fault: chaos.Fault{Cluster: "west", Kind: chaos.FaultKill, Gateways: []string{"west/w-0", "west/w-1"}}, at: at(15)})
	hear(15.2, "east/e-0", "link", "west/w-0", "suspect")
	hear(15.21, "east/e-0", "link", "west/w-1", "suspect")
	hear(15.5, "east/e-0", "link", "west/w-0", "down")
	hear(15.6, "east/e-0", "link", "west/w-1", "down")
	hear(17, "east/e-0", "member", "west/w-1", "dead")
	hear(17.5, "east/e-0", "member", "west/w-0", "dead")
	n.mend(at(30))
	hear(30.3, "west/w-0", "link", "east/e-0", "up") // it greets everybody
	hear(30.4, "east/e-0", "link", "west/w-0", "up")
	hear(30.5, "east/e-0", "link", "west/w-1", "up")
	hear(30.6, "east/e-0", "member", "west/w-0", "alive")
	hear(30.7, "east/e-0", "member", "west/w-1", "alive")
	n.whole()
	hear(40, "west/w-0", "link", "east/e-0", "suspect")

	require.Equal(t, []string{
		"    9.0s    ↓ east/e-0: link to north/n-1 suspect (heartbeat)",
		"    9.2s    ↑ east/e-0: link to north/n-1 up (heartbeat)",
		"   15.2s    ↓ east/e-0: sends nothing new to west after 210 ms",
		"   15.6s    ↓ east/e-0: links to west down after 600 ms",
		"   17.5s    ↓ east/e-0: the ring has lost west after 2.50 s",
		"   30.5s    ↑ east/e-0: links to west up after 500 ms",
		"   30.7s    ↑ east/e-0: the ring has west back after 700 ms",
		"   40.0s    ↓ west/w-0: link to east/e-0 suspect (heartbeat)",
	}, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"))

	n.sent("east/e-0", []chaos.LinkView{{Gateway: "west/w-0", LastOpened: at(15.1)}})
	n.sent("east/e-0", []chaos.LinkView{{Gateway: "west/w-0", LastOpened: at(14)}}) // an older answer, late
	observed := n.observations([]string{"east/e-0", "west/w-0"}, at(50))
	require.Len(t, observed, 1, "the victim is no witness")
	require.Equal(t, new(chaos.Millis(100)), observed[0].LastSent)
	require.Equal(t, new(chaos.Millis(600)), observed[0].LinkDown)
}
