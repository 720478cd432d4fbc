package experiment

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func timed(cluster string, at time.Duration) Moment {
	return Moment{Cluster: cluster, At: at, Timed: true}
}

func TestTheUsualCourse(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		name       string
		given      Options
		kill, heal Moment
		cluster    string
		at, healed time.Duration
	}{
		{"nothing given", Options{}, Moment{}, Moment{}, "west", 15 * s, 30 * s},
		{"a long duration", Options{Duration: 50 * s}, Moment{}, Moment{}, "west", 15 * s, 30 * s},
		{"a short duration moves it forward", Options{Duration: 20 * s}, Moment{}, Moment{}, "west", 6 * s, 12 * s},
		{"a kill alone is for good", Options{Duration: 50 * s}, timed("east", 10*s), Moment{}, "east", 10 * s, 0},
		{"a heal alone", Options{}, Moment{}, timed("north", 40*s), "north", 15 * s, 40 * s},
		{"an early heal alone", Options{}, Moment{}, timed("north", 4*s), "north", 2 * s, 4 * s},
		{"both", Options{Duration: 9 * s}, timed("east", 1*s), timed("east", 2*s), "east", 1 * s, 2 * s},
		{"no fault", Options{Fault: chaos.FaultNone, Duration: 9 * s}, Moment{}, Moment{}, "", 0, 0},
	} {
		o := c.given
		o.Rate = 1
		require.NoError(t, o.Arrange(c.kill, c.heal), c.name)
		require.Equal(t, c.cluster, o.Cluster, c.name)
		require.Equal(t, c.at, o.Kill, c.name)
		require.Equal(t, c.healed, o.Heal, c.name)
	}
}

func TestTheCourseOfARun(t *testing.T) {
	t.Parallel()
	arrange := func(fault chaos.FaultKind, kill Moment, limits ...string) Series {
		s := Series{Runs: 1, Course: ProcessCourse(), Options: Options{Fault: fault, Rate: 1}}
		require.NoError(t, s.Arrange(kill, Moment{}, limits))
		return s
	}
	s := arrange(chaos.FaultKill, Moment{Cluster: "east"})
	require.Equal(t, "east", s.Cluster)
	require.Equal(t, ProcessCourse().Kill, s.Kill)
	require.Equal(t, ProcessCourse().Heal, s.Heal, "with a cluster alone")
	s = arrange(chaos.FaultStop, Moment{})
	require.Equal(t, "west", s.Cluster)
	s = arrange(chaos.FaultNone, Moment{Cluster: "east"})
	require.Zero(t, s.Kill, "--kill names the cluster of every fault, none included")
	s = arrange(chaos.FaultKill, Moment{}, "longest=1s", "failed=3")
	require.Equal(t, []chaos.Limit{{Figure: "failed", Count: 3}, {Figure: "hung"}, {Figure: "longest", Time: time.Second}}, s.Limits)
}

func TestAFaultBehindTheEndIsRefusedForThat(t *testing.T) {
	t.Parallel()
	s := Series{Runs: 1, Course: ClusterCourse(), Options: Options{Fault: chaos.FaultKill, Rate: 1}}
	require.ErrorContains(t, s.Arrange(timed("west", 50*time.Second), Moment{}, nil), "--duration 45s ends before --kill west@50s")
}

func TestOwnGatewayHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	s := Series{Runs: 1, Course: ClusterCourse(), Options: Options{Fault: chaos.FaultOwnGateway, Rate: 1}}
	require.NoError(t, s.Arrange(timed("west", 5*time.Second), Moment{}, nil))
	require.Equal(t, []chaos.Limit{{Figure: "outage", Time: 1500 * time.Millisecond}}, s.Limits)
	require.Equal(t, 20*time.Second, s.Heal)
}
