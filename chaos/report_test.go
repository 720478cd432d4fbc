package chaos

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exampleResult is an experiment as it could have been: west is killed after 15 s and back after 30 s. Three requests are
// cut in flight, and as many fail as asked for.
func exampleResult(seed uint64, failed int) *Result {
	random := rand.New(rand.NewPCG(seed, 1))
	clusters := []string{"east", "west", "north"}
	begun := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	second := func(s float64) time.Time { return begun.Add(time.Duration(s * 1e9)) }
	tally := NewTally(clusters)
	tally.Begin(begun)
	tally.SetOutage(Outage{From: second(15), Gone: second(15.012)})
	tally.Watch(second(14.5), second(18))
	tally.Watch(second(29.5), second(33))
	cut := 0
	for _, observer := range clusters {
		for n := range 50 * 200 {
			at := float64(n) / 200
			dead := at >= 15 && at < 30.8
			if observer == "west" && dead {
				continue
			}
			s := Sample{Observer: observer, Served: clusters[random.IntN(3)], Intended: second(at), Started: second(at)}
			latency := 0.0012 + random.ExpFloat64()*0.0006
			switch {
			case dead && s.Served == "west" && at < 15.06:
				latency += 0.03 + 0.02*random.Float64()
				s.Served = "east"
			case dead && s.Served == "west":
				s.Served = "north"
			case s.Served == "west" && at > 14.98 && at < 15 && cut < 3:
				s.Err, latency = errors.New("answer: read tcp 127.0.0.1:1->127.81.0.9:8080: connection reset by peer"), 0.31
				cut++
			}
			if observer == "east" && at > 20 && failed > 0 {
				s.Err, latency = errors.New("connect: refused <&>"), 1.4
				failed--
			}
			s.Ended = s.Started.Add(time.Duration(latency * 1e9))
			tally.Add(s)
		}
	}
	ms := func(v float64) *Millis { return new(Millis(v)) }
	r := &Result{
		Problems: []string{}, Clusters: clusters, Requests: tally.Requests(""), Rate: 200, Duration: 50_000, Begun: begun, Version: "v0.1.0",
		Fault: &Fault{Cluster: "west", Kind: FaultKill, At: 15_000, Gone: 12, Gateways: []string{"west/w-0", "west/w-1"}, Signal: "SIGKILL", PIDs: []int{11, 12, 13}},
		Heal:  &Heal{At: 30_000, FirstAnswer: ms(802), Whole: ms(1431.5)},
		Observers: []Observation{
			{Gateway: "east/e-0", LinkSuspect: ms(148.3), LinkDown: ms(512.1), LastSent: ms(52), RingDead: ms(2310)},
			{Gateway: "north/n-0", LinkSuspect: ms(151), LinkDown: ms(530.7), LastSent: ms(58), RingDead: ms(2712 + random.Float64()*900)},
		},
		Events: []Event{
			{15_000, FaultEvent, "west killed: 3 processes, SIGKILL"}, {15_512, NoticeEvent, "east/e-0: link to west/w-0 down after 512 ms"},
			{30_000, HealEvent, "west healed: 3 processes started"},
		},
		Failures: tally.Failures(), Closeups: tally.Closeups(), Series: map[string]Series{},
	}
	for _, cluster := range clusters {
		r.ByCluster = append(r.ByCluster, ClusterRequests{cluster, tally.Requests(cluster)})
		r.Series[cluster] = tally.Series(cluster)
	}
	r.Judge()
	return r
}

func TestReportOfOneExperiment(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteReport(&out, exampleResult(1, 0)))
	page := out.String()
	requireHas(t, page, "<h1>west was killed. No request failed or hung.</h1>")
	requireHas(t, page, "link down &#43;512 ms")
	requireHas(t, page, "nobody is left to ask here")
	require.False(t, strings.Contains(page, "What was wrong"))
	requireSound(t, page)
	require.Equal(t, 3, strings.Count(page, "<figure>"), "the timeline and two close-ups")
}

func TestReportNamesWhatWasWrong(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteReport(&out, exampleResult(1, 2)))
	page := out.String()
	requireHas(t, page, "<li>2 of 26840 requests failed</li>")
	requireHas(t, page, "What was wrong")
	requireHas(t, page, "connect: refused &lt;&amp;&gt;")
	requireSound(t, page)
}

func TestReportOfManyRuns(t *testing.T) {
	results := []*Result{exampleResult(1, 0), exampleResult(2, 1), exampleResult(3, 0)}
	null := exampleResult(4, 0)
	null.Fault, null.Heal, null.Observers = nil, nil, nil
	var out bytes.Buffer
	require.NoError(t, WriteRunsReport(&out, Summarize(FaultKill, null, results, nil)))
	requireHas(t, out.String(), "Run 2, the worst")
	requireHas(t, out.String(), "1 of 26840 requests failed; 1 of 26840 requests hung for over 1s</td>")
	requireSound(t, out.String())
	require.Error(t, WriteRunsReport(io.Discard, &Runs{}), "no run, no report")
}

// requireHas is require.Contains without printing a page of half a megabyte.
func requireHas(t *testing.T, page, text string) {
	t.Helper()
	require.True(t, strings.Contains(page, text), "the page lacks %q", text)
}

// requireSound holds what makes the page one that can be sent to somebody: it fetches nothing and runs nothing, every
// placeholder was filled, every drawing is well-formed and lies inside its frame.
func requireSound(t *testing.T, page string) {
	t.Helper()
	for _, foreign := range []string{"http:", "https:", "<script", "<link", "src=", "url(", "@import"} {
		require.False(t, strings.Contains(page, foreign), foreign)
	}
	for _, accident := range []string{"NaN", "Inf", "ZgotmplZ", "<no value>", "%!"} {
		require.False(t, strings.Contains(page, accident), accident)
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	require.NotEmpty(t, drawings)
	for _, drawing := range drawings {
		requireInside(t, drawing)
	}
}

var pathPoint = regexp.MustCompile(`[ML](-?[\d.]+) (-?[\d.]+)`)

func requireInside(t *testing.T, drawing string) {
	t.Helper()
	var frame []float64
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		element, isElement := token.(xml.StartElement)
		if !isElement {
			continue
		}
		for _, attribute := range element.Attr {
			if attribute.Name.Local == "viewBox" {
				frame = numbers(t, strings.Fields(attribute.Value))
			}
			if name := attribute.Name.Local; (name == "x" || name == "x1" || name == "x2") && element.Name.Local != "text" {
				x := numbers(t, []string{attribute.Value})[0]
				require.True(t, x >= 0 && x <= frame[2], "%s=%v in %v", name, x, frame)
			}
			if attribute.Name.Local != "d" || frame[0] < 0 { // a sign of the legend, around its own origin
				continue
			}
			for _, point := range pathPoint.FindAllStringSubmatch(attribute.Value, -1) {
				at := numbers(t, point[1:])
				require.True(t, at[0] >= -4 && at[0] <= frame[2] && at[1] >= -4 && at[1] <= frame[3], "%v in %v", at, frame)
			}
		}
	}
}

func numbers(t *testing.T, texts []string) []float64 {
	t.Helper()
	var values []float64
	for _, text := range texts {
		value, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		values = append(values, value)
	}
	return values
}

func TestReportOfClusters(t *testing.T) {
	r := exampleResult(1, 3)
	r.Fault = &Fault{Cluster: "west", Kind: FaultCut, At: 15_000, Gone: 340, Gateways: []string{"west/grapevine-0"}, How: "kind.sh strike cut west east north"}
	r.Places = []Place{{Cluster: "west", Context: "kind-west", Kubernetes: "v1.36.3", Nodes: []string{"2 × v1.36.3, Debian 12, containerd://1.7.2"}, Image: "grapevine:1"}}
	r.ClockOff = 1.4
	r.Judge()
	var out bytes.Buffer
	require.NoError(t, WriteRunsReport(&out, Summarize(FaultCut, exampleResult(2, 0), []*Result{r}, nil)))
	page := out.String()
	for _, text := range []string{
		"kind-west", "2 × v1.36.3, Debian 12", "aligned with the one here, to within 1.4 ms", "Counted from the instant before the fault (kind.sh strike cut west east north)",
		"How long requests failed", "last failing request", "clusters of Kubernetes that was whole before each", "west cut off at 15.0 s",
	} {
		requireHas(t, page, text)
	}
	require.False(t, strings.Contains(page, "nobody is left to ask"), "its own clients go on")
	require.False(t, strings.Contains(page, "is a process of its own"))
	requireSound(t, page)
}
