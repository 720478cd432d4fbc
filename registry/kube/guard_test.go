package kube

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestGuard goes through what can become of an object that a list lacks, in seconds.
func TestGuard(t *testing.T) {
	start := time.Unix(0, 0)
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	var g guard
	_, any := g.due()
	require.False(t, any, "nothing is missing")
	g.missed("a", at(0))
	g.missed("b", at(4))
	g.missed("a", at(5)) // still
	due, any := g.due()
	require.True(t, any)
	require.Equal(t, at(10), due)
	require.Empty(t, g.asked(at(9)))
	require.Equal(t, []string{"a"}, g.asked(at(10)))
	g.settled("a")
	due, _ = g.due()
	require.Equal(t, at(14), due)
	g.settled("b")
	g.missed("b", at(20))
	due, _ = g.due()
	require.Equal(t, at(30), due, "it begins anew")
}

func TestHold(t *testing.T) {
	start := time.Unix(0, 0)
	for _, c := range []struct {
		what   string
		before int   // exports
		after  []int // second by second
		kept   string
	}{
		{"one may go at once", 1, []int{0}, "-"},
		{"some of several may go", 5, []int{1}, "-"},
		{"none from the start", 0, []int{0, 0}, "--"},
		{"all of several are held for ten seconds", 2, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "++++++++++-"},
		{"until some are back", 2, []int{0, 0, 1}, "++-"},
		{"a second time is held as long as the first", 2, []int{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "+-++++++++++-"},
	} {
		var h hold
		kept := ""
		for second, after := range c.after {
			if h.keeps(start.Add(time.Duration(second)*time.Second), c.before, after) {
				kept += "+"
			} else {
				kept += "-"
			}
		}
		require.Equal(t, c.kept, kept, c.what)
	}
}

// TestListsThatLie has the API server leave objects out of its lists. Only a second list makes it believed.
func TestListsThatLie(t *testing.T) {
	for _, c := range []struct {
		what    string
		hidden  string
		exports string // soon after
		ready   int    // of web, soon after
		later   string // if it stays so
	}{
		{"a Service", "web", "db web", 2, "db"},
		{"a ServiceExport, with its Service", "db", "db web", 2, "web"},
		{"the endpoints of a service", "web-1", "db web", 2, "db web"},
		{"everything", "*", "db web", 2, ""},
	} {
		inWorld(t, shop, false, func(w *world) {
			w.after(collectFor)
			w.hide(c.hidden)
			w.after(confirmAfter - time.Second)
			require.Equal(t, c.exports, w.exports(), c.what)
			require.EqualValues(t, c.ready, w.reported()[len(w.reported())-1][1].Export.Ready, c.what)
			require.Len(t, w.reported(), 1, c.what)
			w.show()
			w.after(time.Minute)
			require.Len(t, w.reported(), 1, "%s: it was a lie", c.what)

			w.hide(c.hidden)
			w.after(confirmAfter - time.Second)
			require.Len(t, w.reported(), 1, c.what)
			w.after(time.Minute)
			require.Equal(t, c.later, w.exports(), "%s: confirmed", c.what)
			require.NotZero(t, w.logged("objects are missing in a list"))
			require.NotZero(t, w.logged("asked again after objects"))
		})
	}
}

// TestLostEndpointsGoOnceConfirmed is the last row above, down to the number.
func TestLostEndpointsGoOnceConfirmed(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		w.after(collectFor)
		w.hide("web-1")
		w.after(confirmAfter + time.Second)
		require.Len(t, w.reported(), 2)
		require.Zero(t, w.reported()[1][1].Export.Ready)
	})
}

// TestTheWatchEndsDoubt deletes, and makes anew, what a list lacked, before the second list.
func TestTheWatchEndsDoubt(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		w.after(collectFor)
		w.hide("web")
		w.after(2 * time.Second)
		require.NoError(t, w.core.CoreV1().Services("shop").Delete(context.Background(), "web", metav1.DeleteOptions{}))
		w.after(collectFor)
		require.Equal(t, "db", w.exports(), "the API server said that it is deleted")
		_, err := w.core.CoreV1().Services("shop").Create(context.Background(), exporting("web"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Equal(t, "db web", w.exports())
		w.after(time.Minute)
		require.Len(t, w.reported(), 3, "there is no doubt any more, though lists still lack it")
	})
}

// TestTheWatchIsNewerThanTheSecondList has the watch tell of objects while the second list is on its way.
func TestTheWatchIsNewerThanTheSecondList(t *testing.T) {
	now, changes := time.Unix(0, 0), 0
	v := newView(nil, func() time.Time { return now })
	v.changed, v.lost, v.filled = func(any, any) { changes++ }, func(int) {}, func() {}
	require.NoError(t, v.Replace([]any{exporting("back"), exporting("gone"), exporting("there"), exporting("lost")}, ""))
	require.NoError(t, v.Replace(nil, ""))
	require.Equal(t, 4, changes)
	now = now.Add(confirmAfter)
	asked := v.asked()
	require.Len(t, asked, 4)
	require.NoError(t, v.Update(exporting("back")))
	require.NoError(t, v.Delete(exporting("gone")))
	gone, err := v.decide(asked, map[string]any{"shop/gone": exporting("gone"), "shop/there": exporting("there")})
	require.NoError(t, err)
	require.Equal(t, 1, gone)
	require.ElementsMatch(t, []string{"shop/back", "shop/there"}, v.indexer.ListKeys())
	_, any := v.due()
	require.False(t, any)
}

// TestErrorsAreNoAnswer has requests fail in every way, for ten minutes, from the first list on and later.
func TestErrorsAreNoAnswer(t *testing.T) {
	services := schema.GroupResource{Resource: "services"}
	for _, c := range []struct {
		what string
		err  error
		says string // in the log, once
		back string // in the log, once it is mended
	}{
		{"no connection", errors.New("connection refused"), "doesn't answer", "answers again"},
		{"overloaded", apierrors.NewServerTimeout(services, "list", 1), "doesn't answer", "answers again"},
		{"broken", apierrors.NewInternalError(errors.New("etcd")), "doesn't answer", "answers again"},
		{"forbidden", apierrors.NewForbidden(services, "", errors.New("no role")), "allow list and watch on services", "readable at the Kubernetes API server"},
		{"gone", apierrors.NewResourceExpired("too old"), "", ""},
		{"the resource removed", apierrors.NewNotFound(services, ""), "has no such resource", "readable at the Kubernetes API server"},
	} {
		check := func(w *world) {
			w.after(10 * time.Minute)
			if c.says != "" {
				require.Equal(t, 1, w.logged(c.says), "%s: %s", c.what, &w.log)
			}
		}
		inWorld(t, shop, true, func(w *world) {
			w.after(collectFor)
			w.fail("services", c.err)
			check(w)
			require.Len(t, w.reported(), 1, c.what)
			w.fail("services", nil)
			w.after(time.Minute)
			require.Len(t, w.reported(), 1, c.what)
			if c.back != "" {
				require.Equal(t, 1, w.logged(c.back), "%s: %s", c.what, &w.log)
			}
			require.Zero(t, w.watch.AwaySince())
			require.NoError(t, w.core.CoreV1().Services("shop").Delete(context.Background(), "web", metav1.DeleteOptions{}))
			w.after(collectFor)
			require.Equal(t, "db", w.exports(), "%s: it is followed again", c.what)
		})
		inWorld(t, func() *fakeCluster {
			cluster := shop()
			cluster.fail("services", c.err)
			return cluster
		}, false, func(w *world) {
			check(w)
			require.Empty(t, w.reported(), "%s: what isn't known may be there", c.what)
			w.fail("services", nil)
			w.after(time.Minute)
			require.Len(t, w.reported(), 1, c.what)
			require.Equal(t, "db web", w.exports())
		})
	}
}

// TestARestart has the API server go away, and refuse everything for a moment when it is back, as they do.
func TestARestart(t *testing.T) {
	inWorld(t, shop, true, func(w *world) {
		w.after(time.Minute)
		w.fail("*", errors.New("connection refused"))
		w.after(3 * time.Second)
		w.fail("*", apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("no roles yet")))
		w.after(5 * time.Second)
		w.fail("*", nil)
		w.after(time.Minute)
		require.Equal(t, 1, w.logged("doesn't answer"), &w.log)
		require.Equal(t, 1, w.logged("answers again"), &w.log)
		require.Zero(t, w.logged(`"level":"error"`), &w.log)
		require.Len(t, w.reported(), 1)
	})
}

// TestTheWholeServerAway loses every watch at once, ten minutes long.
func TestTheWholeServerAway(t *testing.T) {
	inWorld(t, shop, true, func(w *world) {
		w.after(collectFor)
		w.fail("*", errors.New("connection refused"))
		w.after(10 * time.Minute)
		require.False(t, w.watch.AwaySince().IsZero())
		require.Equal(t, 1, w.logged("doesn't answer"), &w.log)
		w.fail("*", nil)
		w.after(retryMost + time.Second)
		require.Equal(t, 1, w.logged("answers again"), &w.log)
		require.Len(t, w.reported(), 1)
		w.hangUp()
		w.after(time.Minute)
		require.Equal(t, 1, w.logged("doesn't answer"), "a watch that ends is nothing")
		require.Len(t, w.reported(), 1)
	})
}

// TestAllExportsAtOnce deletes all there is, in one go, and with second thoughts.
func TestAllExportsAtOnce(t *testing.T) {
	remove := func(w *world) {
		ctx := context.Background()
		require.NoError(t, w.core.CoreV1().Services("shop").Delete(ctx, "web", metav1.DeleteOptions{}))
		require.NoError(t, w.mcs.MulticlusterV1beta1().ServiceExports("shop").Delete(ctx, "db", metav1.DeleteOptions{}))
	}
	inWorld(t, shop, false, func(w *world) {
		w.after(collectFor)
		remove(w)
		w.after(confirmAfter)
		require.Len(t, w.reported(), 1, "held")
		require.Equal(t, 1, w.logged("all exports would be withdrawn at once: held"))
		w.after(time.Second)
		require.Len(t, w.reported(), 2)
		require.Empty(t, w.exports())
		events, err := w.core.CoreV1().Events(home).List(context.Background(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, events.Items, 1)
		require.Equal(t, "WithdrawalHeld", events.Items[0].Reason)
		require.Equal(t, "grapevine-0", events.Items[0].InvolvedObject.Name)
	})
	inWorld(t, shop, false, func(w *world) {
		w.after(collectFor)
		remove(w)
		w.after(confirmAfter / 2)
		_, err := w.core.CoreV1().Services("shop").Create(context.Background(), exporting("web"), metav1.CreateOptions{})
		require.NoError(t, err)
		w.after(collectFor)
		require.Equal(t, "web", w.exports(), "some are back: what is still gone goes")
		w.after(time.Minute)
		require.Len(t, w.reported(), 2)
	})
}

// TestBackInTime restores etcd: a service isn't there, and nobody is told that it went. By the versions it may not even show,
// as they may have passed by then what was seen.
func TestBackInTime(t *testing.T) {
	for _, c := range []struct {
		what    string
		version string
		watched time.Duration // by the watch that the restart ended
		away    time.Duration
	}{
		{what: "versions begin again from before what was seen", version: "400", watched: time.Minute},
		{what: "versions have passed what was seen", version: "1001", watched: time.Minute},
		{what: "and did so while nobody could ask", version: "1001", watched: time.Minute, away: time.Minute},
		{what: "it was the time for a new watch anyway", version: "1001", watched: 20 * time.Minute, away: time.Minute},
	} {
		inWorld(t, func() *fakeCluster {
			cluster := shop()
			cluster.version = "1000"
			return cluster
		}, false, func(w *world) {
			w.after(c.watched)
			w.mu.Lock()
			w.fails["*"] = syscall.ECONNREFUSED // which client-go answers by going on with its watch
			w.mu.Unlock()
			w.hangUp()
			w.after(c.away)
			w.mu.Lock()
			w.version = c.version
			w.mu.Unlock()
			w.hideQuietly("web")
			w.fail("*", nil)
			w.after(confirmAfter - time.Second)
			require.Len(t, w.reported(), 1, "%s: not at once", c.what)
			w.after(retryMost + 2*time.Second)
			require.Equal(t, "db", w.exports(), c.what)
			w.after(time.Minute)
			require.Len(t, w.reported(), 2, "%s: and only once", c.what)
		})
	}
}

// TestWatchesEndInTime holds that a watch which lasted as long as it was asked to goes on without a list.
func TestWatchesEndInTime(t *testing.T) {
	inWorld(t, shop, false, func(w *world) {
		w.after(20 * time.Minute)
		before := w.listed("services")
		w.hangUp()
		w.after(time.Second)
		require.Equal(t, before, w.listed("services"))
		require.NoError(t, w.core.CoreV1().Services("shop").Delete(context.Background(), "web", metav1.DeleteOptions{}))
		w.after(collectFor)
		require.Equal(t, "db", w.exports())
		w.hangUp()
		w.after(time.Second)
		require.Equal(t, before+1, w.listed("services"), "one that was interrupted doesn't")
	})
}

// TestVersionsComeAgain lists an object under a version that it had before, as an etcd does that was restored.
func TestVersionsComeAgain(t *testing.T) {
	v := newView(nil, time.Now)
	changes := 0
	v.changed, v.filled, v.lost = func(_, _ any) { changes++ }, func() {}, func(int) {}
	list := func(version, ip string) {
		service := plainService("web")
		service.ResourceVersion, service.Spec.ClusterIP = version, ip
		require.NoError(t, v.Replace([]any{service}, version))
	}
	list("7", "10.0.0.1")
	require.Equal(t, 1, changes)
	list("7", "10.0.0.1")
	require.Equal(t, 1, changes, "it is the same")
	list("7", "10.0.0.2")
	require.Equal(t, 2, changes, "it is another one of that version")
}
