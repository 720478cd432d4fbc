package experiment

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func TestBar(t *testing.T) {
	t.Parallel()
	plain := &Screen{}
	for want, lap := range map[string]chaos.Lap{
		"eeeeeewwwwwnnnnn": {Served: []int64{67, 67, 66}},
		"eeeeeeeennnnnnnn": {Served: []int64{100, 0, 100}},
		"wwwwwwwwwwwwwwww": {Served: []int64{0, 3, 0}},
		"eeeeeeeennnnnnn!": {Served: []int64{1000, 0, 999}, Errors: 1},
		"!!!!!!!!!!!!!!!!": {Served: []int64{0, 0, 0}, Errors: 200},
		"················": {Served: []int64{0, 0, 0}},
	} {
		require.Equal(t, want, bar(plain, clusters, lap))
	}
}

func TestSharesFillTheWidth(t *testing.T) {
	t.Parallel()
	for a := range int64(30) {
		for b := range int64(30) {
			for c := range int64(5) {
				sum := 0
				for i, cells := range shares([]int64{a, b, c}, barWidth) {
					require.Equal(t, []int64{a, b, c}[i] > 0, cells > 0, "what happened is seen, and nothing else")
					sum += cells
				}
				if a+b+c > 0 {
					require.Equal(t, barWidth, sum)
				}
			}
		}
	}
}

func TestLinesOfTheDisplay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := &display{
		screen: NewScreen(&out), clusters: clusters, tally: chaos.NewTally(clusters),
		paused: func(cluster string) bool { return cluster == "west" },
		course: course{fault: "west is killed", cluster: "west", kill: 15 * time.Second, heal: 30 * time.Second},
	}
	d.tally.Begin(time.Now())
	for range 10 {
		d.tally.Add(chaos.Sample{Observer: "east", Served: "north", Intended: time.Now(), Ended: time.Now().Add(12 * time.Millisecond)})
	}
	d.head()
	d.lap(16 * time.Second)
	require.Equal(t, ""+
		"          asked in east     asked in west     asked in north     failed   hung  slowest\n"+
		"   16.0s  nnnnnnnnnnnnnnnn    west is down    ················        0      0    12 ms\n", out.String())
	require.NotContains(t, out.String(), "\x1b", "a file gets no escape sequences")

	require.Contains(t, d.status(14200*time.Millisecond), "west is killed in 1 s   10 asked · 0 failed")
	require.Contains(t, d.status(20*time.Second), "west is healed in 10 s")
	require.Contains(t, d.status(40*time.Second), "Ctrl-C ends and sums up")
	require.True(t, d.course.lively(39*time.Second))
	require.False(t, d.course.lively(41*time.Second))
}

func TestScreenKeepsTheStatusBelow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &Screen{out: &out, terminal: true}
	s.SetStatus("first")
	s.Line("a line")
	s.SetStatus("first")
	s.SetStatus("")
	s.Line("another")
	require.Equal(t, clearLine+noWrap+"first"+wrap+clearLine+"a line\n"+noWrap+"first"+wrap+clearLine+noWrap+wrap+"another\n", out.String())

	out.Reset()
	behind := s.behind("run 1: ")
	behind.Line("dropped")
	behind.SetStatus("going")
	require.Equal(t, clearLine+noWrap+"run 1: going"+wrap, out.String())
}

func TestTableMeasuresWhatIsSeen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &Screen{out: &out, colour: true}
	table := NewTable(s)
	table.Row("requests", "all")
	table.Row("  failed", alarm(s, 12345))
	table.Row("  größte", "7")
	table.Flush()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")[1:]
	for _, line := range lines {
		require.Equal(t, visible(lines[0]), visible(line), "%q", line)
	}
	require.Contains(t, lines[1], "\x1b[1;31m12,345\x1b[0m")
}

func TestPrintedResult(t *testing.T) {
	t.Parallel()
	r := &chaos.Result{
		Clusters:  clusters,
		Requests:  chaos.Requests{Verdicts: chaos.Verdicts{Sent: 27000, OK: 26996, Failed: 1, Cut: 3}, P50: 1.4, P99: 5, Longest: 62},
		Fault:     &chaos.Fault{Cluster: "west", Kind: chaos.FaultKill},
		Observers: []chaos.Observation{{Gateway: "east/e-0", LinkDown: new(chaos.Millis(512)), LastSent: new(chaos.Millis(38))}},
		Heal:      &chaos.Heal{FirstAnswer: new(chaos.Millis(803))},
		Failures: []chaos.Failure{
			{Verdict: "cut", Error: "not printed"},
			{At: 17203, Took: 12, Observer: "east", Verdict: "failed", Error: "connect: refused"},
		},
		Duration: 35_000,
	}
	for _, cluster := range clusters {
		r.ByCluster = append(r.ByCluster, chaos.ClusterRequests{Cluster: cluster, Requests: chaos.Requests{Served: map[string]int64{}}})
	}
	r.Judge()
	var out bytes.Buffer
	printTable(NewScreen(&out), r)
	for _, line := range []string{
		"requests asked in       east     west    north      all\n",
		"  sent                     0        0        0   27,000\n",
		"  east/e-0                        –       512 ms               38 ms            –\n",
		"  west                 803 ms            –\n",
		"     17.2s  failed in east after 12 ms connect: refused\n",
		"✗ 1 of 27000 requests failed\n",
	} {
		require.Contains(t, out.String(), line)
	}
	require.NotContains(t, out.String(), "not printed")
}
