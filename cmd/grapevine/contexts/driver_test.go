package contexts

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// scripted is a driver that is a script of bash.
func scripted(t *testing.T, script string) *Config {
	t.Helper()
	return &Config{Driver: program(t, "#!/bin/bash\n"+script), Namespace: "mesh", Kubectl: "kubectl"}
}

// TestDriverTellsItsTimes has drivers wait, after a line, until that was heard.
func TestDriverTellsItsTimes(t *testing.T) {
	t.Parallel()
	const untilHeard = "until [ -e $0.heard ]; do sleep 0.01; done; "
	for name, c := range map[string]struct {
		script string
		struck bool // the fault counts from a line, and not from the driver's start
	}{
		"two lines":             {"echo striking now; " + untilHeard + "echo made", true},
		"one line":              {"echo made", false},
		"no line":               {"true", false},
		"more lines than asked": {"echo striking; " + untilHeard + "echo made; echo indeed", true},
	} {
		cfg := scripted(t, "[ $1 = faults ] && { echo cut kill; exit; }\n"+c.script)
		d, err := newDriver(t.Context(), cfg)
		require.NoError(t, err, name)
		require.Equal(t, []chaos.FaultKind{"cut", "kill"}, d.offers)
		var began, heard time.Time
		start := time.Now()
		gone, err := d.strike(t.Context(), order{fault: "cut", hit: "west"}, func(at time.Time) {
			began, heard = at, time.Now()
			require.NoError(t, os.WriteFile(cfg.Driver+".heard", nil, 0o600))
		})
		require.NoError(t, err, name)
		require.False(t, began.Before(start), name)
		require.False(t, gone.Before(began), name)
		require.Equal(t, c.struck, gone.After(heard), "%s: what was made is heard of after that it begins", name)
	}
}

func TestDriverIsToldWhatItNeeds(t *testing.T) {
	t.Parallel()
	d, err := newDriver(t.Context(), scripted(t, `echo "$* $GRAPEVINE_NAMESPACE $KUBECTL $GRAPEVINE_PODS"`))
	require.NoError(t, err)
	said, err := d.heal(t.Context(), order{fault: "gateway", hit: "west", others: []string{"east", "north"}, pods: []string{"grapevine-1", "grapevine-0"}})
	require.NoError(t, err)
	require.Equal(t, "heal gateway west east north mesh kubectl grapevine-1 grapevine-0", said)
}

func TestDriverThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := newDriver(t.Context(), &Config{Driver: "/no/such/driver"})
	require.ErrorContains(t, err, "a valid example is --driver chaos/drivers/kind.sh")
	require.IsType(t, experiment.Usagef(""), err, "wrong use")
	_, err = newDriver(t.Context(), scripted(t, "echo where is my lab >&2; exit 3"))
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "where is my lab")
	d, err := newDriver(t.Context(), &Config{})
	require.NoError(t, err)
	require.False(t, d.can(chaos.FaultKill), "no driver at all is fine")
}
