package tunnel

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	ms       = time.Millisecond
	interval = 50 * ms
)

// feed gives d beats as a link with this loss and jitter would, and returns the time at the end and how often d suspected
// the peer meanwhile. It judges as often as the pulse does.
func feed(d *detector, from time.Duration, beats int, loss float64, jitter time.Duration, random *rand.Rand) (now time.Duration, alarms int) {
	type arrival struct {
		at     time.Duration
		number uint64
	}
	var arrivals []arrival
	first := d.last + 1
	for i := range beats {
		if random.Float64() >= loss {
			at := from + time.Duration(i)*interval + time.Duration(random.Float64()*float64(jitter))
			arrivals = append(arrivals, arrival{at, first + uint64(i)})
		}
	}
	now = from
	was := verdictUp
	for _, a := range arrivals {
		for ; now < a.at; now += 10 * ms {
			if v := d.judge(now); v != was {
				if was = v; v == verdictSuspect {
					alarms++
				}
			}
		}
		d.beat(a.at, a.number, interval)
	}
	return now, alarms
}

// silence returns when d calls the peer suspect, and when down, counted from the last beat.
func silence(d *detector, now time.Duration) (suspect, down time.Duration) {
	for at := now; ; at += ms {
		switch d.judge(at) {
		case verdictSuspect:
			if suspect == 0 {
				suspect = at - now
			}
		case verdictDown:
			return suspect, at - now
		}
	}
}

func TestDetectorAdapts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name          string
		loss          float64
		jitter        time.Duration
		suspect, down time.Duration // at most
	}{
		{"quiet LAN", 0, 0, 170 * ms, 510 * ms},
		{"busy LAN", 0.001, 5 * ms, 200 * ms, 600 * ms},
		{"WAN with 5 % loss", 0.05, 20 * ms, 350 * ms, 1050 * ms},
		{"WAN with 20 % loss", 0.2, 30 * ms, 550 * ms, 1600 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d detector
			d.start(0, interval, time.Second)
			now, alarms := feed(&d, 0, 100_000, c.loss, c.jitter, random) // 83 minutes
			require.Zero(t, alarms)
			suspect, down := silence(&d, now)
			t.Log("suspect after", suspect, "down after", down)
			require.LessOrEqual(t, suspect, c.suspect)
			require.LessOrEqual(t, down, c.down)
			require.GreaterOrEqual(t, suspect, 150*ms)
			require.GreaterOrEqual(t, down, 450*ms)
			require.Greater(t, down, 3*suspect/2)
		})
	}
}

// However fast the beats are, a process that stalls for 300 ms isn't down.
func TestStallsAreNoDeath(t *testing.T) {
	var d detector
	d.start(0, 10*ms, time.Second)
	now := time.Duration(0)
	for n := uint64(1); n < 1000; n++ {
		now += 10 * ms
		d.beat(now, n, 10*ms)
	}
	suspect, down := silence(&d, now)
	require.Less(t, suspect, 100*ms)
	require.GreaterOrEqual(t, down, 450*ms)
}

func TestDetectorIsCarefulAtFirst(t *testing.T) {
	var d detector
	d.start(0, interval, time.Second)
	require.Equal(t, verdictUp, d.judge(1700*ms), "nothing is known of the loss")
	require.Equal(t, verdictSuspect, d.judge(1800*ms))
}

func TestDetectorNeedsBeatsInTimeToRecover(t *testing.T) {
	var d detector
	d.start(0, interval, time.Second)
	now, _ := feed(&d, 0, 1000, 0, 0, rand.New(rand.NewPCG(1, 1)))
	number := d.last
	now += time.Minute
	require.Equal(t, verdictDown, d.judge(now))
	for range beatsToRecover {
		require.Equal(t, verdictDown, d.judge(now))
		number++
		d.beat(now, number, interval)
		now += interval
	}
	require.Equal(t, verdictUp, d.judge(now))

	// One beat now and then isn't a link.
	for range 10 {
		now += 40 * interval
		number += 40
		d.beat(now, number, interval)
		require.NotEqual(t, verdictUp, d.judge(now))
	}
}

func TestOutageSaysNothingAboutLoss(t *testing.T) {
	var d detector
	d.start(0, interval, time.Second)
	random := rand.New(rand.NewPCG(1, 1))
	now, _ := feed(&d, 0, 1000, 0, 0, random)
	before := d.tolerated()
	d.beat(now+time.Minute, d.last+1200, interval)
	require.LessOrEqual(t, d.tolerated(), before+1)
	require.Less(t, d.margin(), 300*ms)
}

func TestLateBeatsAreNotLost(t *testing.T) {
	var d detector
	d.start(0, interval, time.Second)
	now := time.Duration(0)
	for n := uint64(1); n < 600; n += 2 { // each pair swapped
		d.beat(now, n+1, interval)
		d.beat(now+ms, n, interval)
		now += 2 * interval
	}
	require.InDelta(t, 0, d.loss, 0.01)
	require.Equal(t, verdictUp, d.judge(now))
}

func TestHastenedDetectorDoesNotWaitForTheOldPromise(t *testing.T) {
	var d detector
	d.start(0, time.Second, time.Second)
	now := time.Duration(0)
	for n := uint64(1); n <= 400; n++ {
		now += time.Second
		d.beat(now, n, time.Second)
	}
	for _, overdue := range []time.Duration{-100 * ms, 0, 1500 * ms} {
		hastened := d
		now := now + time.Second + overdue
		require.Equal(t, verdictUp, hastened.judge(now))
		hastened.hasten(now, interval, 20*ms)
		suspect, down := silence(&hastened, now)
		require.GreaterOrEqual(t, suspect, 150*ms, "it was asked just now")
		require.LessOrEqual(t, suspect, 300*ms)
		require.LessOrEqual(t, down, 700*ms)
	}
}

func TestOwnStallIsNotChargedToPeers(t *testing.T) {
	start := time.Now()
	clock := newUptime(start)
	var d detector
	d.start(0, interval, time.Second)
	number := uint64(0)
	now := start
	run := func(d *detector, until time.Duration) {
		for end := now.Add(until); now.Before(end); now = now.Add(10 * ms) {
			clock.tick(now, 10*ms)
			if now.Sub(start)%interval == 0 {
				number++
				d.beat(clock.at(now), number, interval)
			}
			require.Equal(t, verdictUp, d.judge(clock.at(now)))
		}
	}
	run(&d, 20*time.Second)
	tolerated, margin := d.tolerated(), d.margin()

	now = now.Add(3 * time.Second) // stopped; the beats lie in the socket
	require.Equal(t, verdictUp, d.judge(clock.at(now)), "whoever asks first after it")
	for range 60 {
		number++
		d.beat(clock.at(now), number, interval)
	}
	run(&d, 20*time.Second)
	require.Equal(t, tolerated, d.tolerated())
	require.LessOrEqual(t, d.margin(), 4*margin)

	before := clock.at(now)
	now = now.Add(time.Hour)
	require.LessOrEqual(t, clock.at(now)-before, 30*ms)
	clock.tick(now, 10*ms)
	require.LessOrEqual(t, clock.at(now)-before, 30*ms)
	require.GreaterOrEqual(t, clock.at(now), before, "it never goes back")
}
