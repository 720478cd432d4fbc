package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWrongUseOfChaos holds that a wrong command line ends with exit code 2 before anything is started, names the flag and shows
// one that works.
func TestWrongUseOfChaos(t *testing.T) {
	for _, c := range []struct {
		line string
		says []string
	}{
		{"--kill mars", []string{"--kill", `no cluster "mars"`, "east, west, north", "--kill west@15s"}},
		{"--fault flood", []string{"--fault", "kill, stop, gateway, graceful, none, gateways,"}},
		{"--fault loss30", []string{"--fault loss30 needs --contexts", "kill, stop, gateway, graceful, none"}},
		{"--runs 0", []string{"--runs", "such as --runs 20"}},
		{"--rate 0", []string{"--rate", "such as --rate 200"}},
		{"--duration -1s", []string{"--duration", "such as --duration 50s"}},
		{"--limit longest=fast", []string{"--limit", "such as longest=500ms"}},
		{"--limit outage=0", []string{"--limit", "such as outage=500ms"}},
		{"--duration 3s --kill west@5s --heal west@9s", []string{"--duration 3s ends before --kill west@5s"}},
		{"--driver x", []string{"--driver needs --contexts, such as --contexts east,west,north"}},
		{"--service web.shop", []string{"--service needs --contexts"}},
		{"--contexts east --kill east", []string{"at least two contexts", "--contexts east,west,north"}},
		{"--contexts east,west", []string{"--kill: say which of the clusters may be broken, such as --kill west"}},
		{"--contexts east,west --kill west --service web", []string{"--service", "such as --service frontend.shop"}},
		{"--contexts east,west --kill west --logs l", []string{"--logs", "kubectl logs"}},
		{"--contexts east,west --kill west@50s", []string{"--duration 45s ends before --kill west@50s"}},
		{"--contexts east,west --kill west --report /no/such/directory/r.html", []string{"--report", "a valid example is --report report.html"}},
		{"--contexts east,west --kill west --driver /no/such/driver", []string{"--driver", "a valid example is --driver chaos/drivers/kind.sh"}},
		{"west", []string{`chaos takes no argument "west"`}},
		{"prober --rate 0 --resolv-conf testdata/resolv.conf", []string{"--rate", "such as --rate 200"}},
	} {
		var printed bytes.Buffer
		root := rootCommand()
		root.SetArgs(append([]string{"chaos"}, strings.Fields(c.line)...))
		root.SetOut(&printed)
		root.SetErr(&printed)
		err := root.ExecuteContext(t.Context())
		require.Error(t, err, c.line)
		for _, says := range c.says {
			require.ErrorContains(t, err, says, c.line)
		}
		coded, ok := err.(interface{ ExitCode() int })
		require.True(t, ok, c.line)
		require.Equal(t, 2, coded.ExitCode(), c.line)
		require.Empty(t, printed.String(), c.line)
	}
}

func TestAClusterThatIsNotThereIsAProblem(t *testing.T) {
	require.Equal(t, 1, execute(t.Context(), strings.Fields("chaos --contexts east,west --kill west --fault graceful --kubectl /no/such/kubectl")))
}
