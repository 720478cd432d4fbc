package demo

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWrongUse holds that a wrong command line ends with exit code 2, names the flag and shows one that works.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"demo", "--kill", "mars@15s"}, []string{"--kill", `no cluster "mars"`, "east, west, north", "--kill west@15s"}},
		{[]string{"demo", "--kill", "west"}, []string{"--kill", "such as --kill west@15s"}},
		{[]string{"demo", "--heal", "west@soon"}, []string{"--heal", "such as --heal west@15s"}},
		{[]string{"demo", "--kill", "west@-1s"}, []string{"--kill", "a time after the start"}},
		{[]string{"demo", "--kill", "west@15s", "--heal", "east@30s"}, []string{"--heal east", "--kill hits west", "--heal west@30s"}},
		{[]string{"demo", "--kill", "west@15s", "--heal", "west@10s"}, []string{"--heal west@10s is not after --kill west@15s"}},
		{[]string{"demo", "--kill", "west@15s", "--duration", "10s"}, []string{"--duration 10s ends before --kill west@15s", "--duration 50s"}},
		{[]string{"demo", "--kill", "west@5s", "--heal", "west@15s", "--duration", "10s"}, []string{"--duration 10s ends before --heal west@15s"}},
		{[]string{"demo", "--fault", "none", "--kill", "west@5s"}, []string{"--fault none", "--fault kill"}},
		{[]string{"demo", "--fault", "flood"}, []string{"--fault", "kill, stop, gateway, graceful, none"}},
		{[]string{"demo", "--rate", "0"}, []string{"--rate", "such as --rate 200"}},
		{[]string{"demo", "--rate", "many"}, []string{"--rate"}},
		{[]string{"demo", "--duration", "-5s"}, []string{"--duration", "such as --duration 50s"}},
		{[]string{"demo", "-o", "yaml"}, []string{"--output", "table, json", "-o json"}},
		{[]string{"demo", "--report", "/no/such/directory/report.html"}, []string{"--report", "a valid example is --report report.html"}},
		{[]string{"demo", "west"}, []string{`demo takes no argument "west"`}},
	} {
		var printed bytes.Buffer
		root := rootCommand()
		root.SetArgs(c.args)
		root.SetOut(&printed)
		err := root.ExecuteContext(t.Context())
		require.Error(t, err, "%q", c.args)
		for _, says := range c.says {
			require.ErrorContains(t, err, says, "%q", c.args)
		}
		if coded, ok := err.(interface{ ExitCode() int }); ok { // what the flag library refuses gets its code from the root command
			require.Equal(t, 2, coded.ExitCode(), "%q", c.args)
		}
		require.Empty(t, printed.String(), "%q", c.args)
	}
}
