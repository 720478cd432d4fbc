package contexts

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// open opens and starts the world, and closes it at the end of the test.
func (w *world) open() (*Stage, *bytes.Buffer) {
	w.t.Helper()
	w.ready()
	var printed bytes.Buffer
	s := experiment.NewScreen(&printed)
	st, err := Open(w.t.Context(), w.config(), s)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { st.Close(context.Background(), s) })
	require.NoError(w.t, st.Start(w.t.Context(), s))
	return st, &printed
}

// short is a course that is over quickly.
func short(kind chaos.FaultKind) experiment.Options {
	o := experiment.Options{Fault: kind, Cluster: "west", Kill: 500 * time.Millisecond, Heal: 2500 * time.Millisecond, Duration: 3500 * time.Millisecond, Rate: 20}
	if kind == chaos.FaultNone {
		o.Cluster, o.Kill, o.Heal = "", 0, 0
	}
	return o
}

func (w *world) once(st *Stage, o experiment.Options) *chaos.Result {
	w.t.Helper()
	r, err := st.Once(w.t.Context(), o, experiment.NewScreen(new(bytes.Buffer)))
	require.NoError(w.t, err)
	for _, problem := range r.Problems {
		require.True(w.t, strings.Contains(problem, "hung") || strings.Contains(problem, "busy"), "%s: %v", problem, r.Failures)
	}
	return r
}

// power makes the driver take a cluster's power away, and give it back.
func (w *world) power(args []string, say func(string)) error {
	hit := w.cluster(args[2])
	if args[0] == "heal" {
		hit.change(func(c *cluster) { c.dead = false })
		say("booting")
		say("booted")
		return nil
	}
	say("striking now")
	hit.change(func(c *cluster) { c.dead = true })
	for _, other := range args[3:] {
		for _, gateway := range []string{"west/grapevine-0", "west/grapevine-1"} {
			w.cluster(other).tell("link", gateway, "down")
			w.cluster(other).tell("member", gateway, "dead")
		}
	}
	say("no power")
	return nil
}

func TestAClusterIsKilledAndComesBack(t *testing.T) {
	w := newWorld(t, "east", "west", "north")
	w.offers, w.drive = "kill cut", w.power
	w.cluster("north").ahead = time.Hour
	st, printed := w.open()
	require.Equal(t, []string{"east", "west", "north"}, st.Clusters())
	require.Equal(t, "west", st.ClusterOf("west-ctx"))
	require.Contains(t, printed.String(), "west (context west-ctx): Kubernetes v1.36.3, 2 × v1.36.3, Debian 12, containerd://1.6.20; grapevine v0.9, 2 gateways\n")

	r := w.once(st, short(chaos.FaultKill))
	require.Equal(t, []string{"west/grapevine-0", "west/grapevine-1"}, r.Fault.Gateways)
	require.Contains(t, r.Fault.How, "strike kill west-ctx east-ctx north-ctx")
	require.GreaterOrEqual(t, r.Fault.At, chaos.Millis(500))
	require.Len(t, r.Observers, 2)
	for _, o := range r.Observers {
		require.NotNil(t, o.LinkDown, o.Gateway)
		require.Less(t, *o.LinkDown, chaos.Millis(2000), "the clock that is an hour ahead is told in our time")
		require.NotNil(t, o.RingDead, o.Gateway)
	}
	require.NotNil(t, r.Heal.FirstAnswer, "the others had answers from west before and after")
	require.NotNil(t, r.Heal.Whole)
	require.Less(t, r.ByCluster[1].Sent, r.ByCluster[0].Sent-20, "west's prober waits while west is down")
	require.Less(t, r.ClockOff, chaos.Millis(1000))
	require.Len(t, r.Places, 3)
	require.Equal(t, chaos.Place{Cluster: "north", Context: "north-ctx", Kubernetes: "v1.36.3", Nodes: []string{"2 × v1.36.3, Debian 12, containerd://1.6.20"}, Image: "registry/grapevine:1"}, r.Places[2])
	require.Nil(t, st.struck)
}

func TestTheProbersAreRemoved(t *testing.T) {
	w := newWorld(t, "east", "west")
	st, printed := w.open()
	st.Close(t.Context(), experiment.NewScreen(printed))
	for _, c := range w.clusters {
		require.Len(t, w.said("--context "+c.context+" -n grapevine delete pod grapevine-chaos-prober --ignore-not-found --now --wait=false"), 1)
		require.Nil(t, c.pod)
	}
}

// TestNoSampleIsLostWithTheLine breaks the lines to one cluster off in the middle, API server included: what was asked meanwhile
// is taken in afterwards.
func TestNoSampleIsLostWithTheLine(t *testing.T) {
	w := newWorld(t, "east", "west")
	w.offers = "apiserver"
	w.drive = func(args []string, say func(string)) error {
		say("striking")
		w.cluster(args[2]).change(func(c *cluster) { c.silent = args[0] == "strike" })
		say("done")
		return nil
	}
	st, _ := w.open()
	r := w.once(st, short(chaos.FaultAPIServer))
	require.InDelta(t, r.ByCluster[0].Sent, r.ByCluster[1].Sent, 20, "the line was away for 40 requests")
	require.Empty(t, r.Fault.Gateways)
	require.Zero(t, r.Requests.Cut)
}

func TestWhatAnAPIServersAbsenceChangedIsTold(t *testing.T) {
	w := newWorld(t, "east", "west")
	w.offers = "apiserver"
	w.drive = func(args []string, say func(string)) error {
		if args[0] == "heal" {
			w.cluster("east").change(func(c *cluster) { c.writes++ })
			w.cluster("east").tell("service", "west/grapevine-0", "withdrawn")
			w.cluster("west").tell("link", "east/grapevine-1", "down")
			w.cluster("west").change(func(c *cluster) { c.restarts++ })
		}
		return nil
	}
	st, _ := w.open()
	r, err := st.Once(t.Context(), short(chaos.FaultAPIServer), experiment.NewScreen(new(bytes.Buffer)))
	require.NoError(t, err)
	for _, problem := range []string{
		"west/grapevine-1 was started anew, though nobody had asked for it",
		"east: Service grapevine/frontend was written",
		"east/grapevine-1: frontend.shop of west/grapevine-0 was withdrawn",
		"west/grapevine-0: link east/grapevine-1 is down",
	} {
		require.Contains(t, r.Problems, problem)
	}
}

func TestAnInterruptionHealsWhatWasBroken(t *testing.T) {
	w := newWorld(t, "east", "west")
	w.offers, w.drive = "kill", w.power
	s := experiment.NewScreen(new(bytes.Buffer))
	st, _ := w.open()
	ctx, interrupt := context.WithCancel(t.Context())
	o := short(chaos.FaultKill)
	o.Heal, o.Duration = time.Minute, 2*time.Minute
	time.AfterFunc(0, func() {
		for w.cluster("east").isDead() == w.cluster("west").isDead() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond) // until the one is dead
		}
		interrupt()
	})
	_, err := st.Once(ctx, o, s)
	require.NoError(t, err)
	require.Empty(t, w.said("heal kill"))
	st.Close(ctx, s)
	require.Len(t, w.said("heal kill west-ctx east-ctx"), 1)
	require.False(t, w.cluster("west").isDead())
	require.Nil(t, w.cluster("west").pod)
}

func TestAFaultThatCouldNotBeMadeIsHealedAllTheSame(t *testing.T) {
	w := newWorld(t, "east", "west")
	w.offers = "cut"
	w.drive = func(args []string, say func(string)) error {
		if args[0] == "heal" {
			return nil
		}
		return errors.New("iptables: permission denied\ntry as root")
	}
	st, printed := w.open()
	_, err := st.Once(t.Context(), short(chaos.FaultCut), experiment.NewScreen(new(bytes.Buffer)))
	require.ErrorContains(t, err, "the driver failed (exit status 1): ")
	require.ErrorContains(t, err, " strike cut west-ctx east-ctx\n    iptables: permission denied\n    try as root")
	st.Close(t.Context(), experiment.NewScreen(printed))
	require.Len(t, w.said("heal cut"), 1)
}

// TestFaultsByKubectl holds the commands of the faults that need no driver.
func TestFaultsByKubectl(t *testing.T) {
	for kind, commands := range map[chaos.FaultKind][]string{
		chaos.FaultGateway:  {"-n grapevine delete pod --force --grace-period=0 grapevine-1"},
		chaos.FaultGateways: {"-n grapevine delete pod --force --grace-period=0 grapevine-0 grapevine-1"},
		chaos.FaultRoll:     {"-n grapevine rollout restart statefulset grapevine", "-n grapevine rollout status statefulset grapevine"},
		chaos.FaultGraceful: {
			"-n grapevine scale statefulset grapevine --replicas=0", "-n grapevine wait --for=delete pod -l app=grapevine,part=gateway --timeout=4m",
			"-n shop scale deployment frontend --replicas=0", "-n shop scale deployment frontend --replicas=3", "-n grapevine scale statefulset grapevine --replicas=2",
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, "east", "west")
			st, _ := w.open()
			fault, err := st.Aim(kind, "west")
			require.NoError(t, err)
			began := 0
			_, err = st.Strike(t.Context(), fault, func(time.Time) { began++ })
			require.NoError(t, err)
			require.Equal(t, 1, began)
			_, err = st.Mend(t.Context(), fault)
			require.NoError(t, err)
			last := -1
			for _, c := range commands {
				found := w.said("--context west-ctx " + c)
				require.Len(t, found, 1, c)
				w.mu.Lock()
				for i, line := range w.commands {
					if line == found[0] {
						require.Greater(t, i, last, "in this order: %s", c)
						last = i
					}
				}
				w.mu.Unlock()
			}
		})
	}
}

func TestGatewaysThatADriverKilledAreReplacedBeforeTheNextRun(t *testing.T) {
	w := newWorld(t, "east", "west")
	w.offers = "gateway"
	st, _ := w.open()
	fault, err := st.Aim(chaos.FaultOwnGateway, "west")
	require.NoError(t, err)
	require.True(t, fault.Fleeting)
	require.Equal(t, []string{"west/grapevine-1"}, fault.Gateways, "the first one is asked what it sees")
	_, err = st.Strike(t.Context(), fault, func(time.Time) {})
	require.NoError(t, err)
	require.Equal(t, []string{"strike gateway west-ctx east-ctx grapevine-1"}, w.said("strike"), "how it is judged is nothing to the driver")
	w.once(st, short(chaos.FaultNone))
	require.Len(t, w.said("--context west-ctx -n grapevine delete pod --ignore-not-found --timeout=2m grapevine-1"), 1)
}

func TestFaultsThatNobodyCanMake(t *testing.T) {
	st := &Stage{driver: new(driver)}
	require.ErrorContains(t, st.Can(chaos.FaultCut), "--fault cut needs a driver, which knows the machines, such as --driver chaos/drivers/kind.sh; kubectl alone can make graceful, gateway,")
	st.Driver, st.driver.offers = "./mine", []chaos.FaultKind{chaos.FaultKill}
	require.NoError(t, st.Can(chaos.FaultKill))
	require.NoError(t, st.Can(chaos.FaultRoll))
	require.ErrorContains(t, st.Can(chaos.FaultStop), "--fault stop: the driver ./mine can only make kill, and kubectl graceful")
}

func TestPreconditions(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*world)
		says  []string
	}{
		"a context that isn't there": {func(w *world) { w.clusters[1].context = "elsewhere" },
			[]string{"context west-ctx can't be used", `context "west-ctx" does not exist`}},
		"an API server that can't be reached": {func(w *world) { w.clusters[1].silent = true },
			[]string{"context west-ctx can't be used", "connection refused", "Try `kubectl --context west-ctx get nodes`"}},
		"no gateways": {func(w *world) { w.answers["statefulset"] = `error: statefulsets.apps "grapevine" not found` },
			[]string{"context east-ctx has no gateways", "not found", "deploy/up.sh", "--namespace"}},
		"one gateway": {func(w *world) {
			w.answers["statefulset"] = strings.ReplaceAll(statefulSetJSON, `"replicas":2`, `"replicas":1`)
		},
			[]string{"has 1 gateway", "scale statefulset grapevine --replicas=2"}},
		"a gateway that isn't ready": {func(w *world) {
			w.answers["statefulset"] = strings.ReplaceAll(statefulSetJSON, `"readyReplicas":2`, `"readyReplicas":1`)
		},
			[]string{"1 of 2 gateways are ready", "get pods"}},
		"an upgrade": {func(w *world) {
			w.answers["statefulset"] = strings.ReplaceAll(statefulSetJSON, `"r1","updateRevision":"r1"`, `"r1","updateRevision":"r2"`)
		},
			[]string{"are being replaced", "rollout status"}},
		"a gateway that another one doesn't see": {func(w *world) { w.clusters[0].missing = "west/grapevine-1" },
			[]string{"east/grapevine-0 doesn't see west/grapevine-1 alive", "grapevine members"}},
		"a service that isn't exported": {func(w *world) { w.clusters[1].exported = false },
			[]string{"can't use frontend.shop.federated of west", "grapevine services"}},
		"a name that can't be resolved": {func(w *world) { w.names = "127.0.0.1:1" },
			[]string{"context east-ctx: frontend.shop.federated. can't be resolved in a Pod there", "deploy/up.sh"}},
		"somebody else's experiment": {func(w *world) { w.answers["get pod grapevine-chaos-prober"] = "Running," },
			[]string{"another experiment runs there", "kubectl --context east-ctx -n grapevine delete pod grapevine-chaos-prober"}},
		"two contexts of one cluster": {func(w *world) { w.clusters[1].name = "east" },
			[]string{"--contexts: east-ctx and west-ctx are both the cluster east"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "east", "west")
			cfg := w.config()
			c.spoil(w)
			w.ready()
			s := experiment.NewScreen(new(bytes.Buffer))
			st, err := Open(t.Context(), cfg, s)
			if err == nil {
				defer st.Close(t.Context(), s)
				st.atFirst = 2 * time.Second
				err = st.Start(t.Context(), s)
			}
			require.Error(t, err)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
}
