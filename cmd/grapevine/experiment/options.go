package experiment

import (
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Options say what happens in an experiment, and when. Times count from the start of the clock, which is when the mesh is
// whole and every prober has had answers without an error for a while.
type Options struct {
	Fault    chaos.FaultKind
	Cluster  string        // the one that is hit
	Kill     time.Duration // 0: never
	Heal     time.Duration // 0: never
	Duration time.Duration // 0: until the context ends
	Rate     int           // requests per second in each cluster
	Logs     string        // directory that keeps the processes' logs; empty: they are removed
}

// The course of events where nothing else is asked for: long enough before the fault to see what is normal, long enough
// after it to see the ring's verdict too.
const (
	defaultKill = 15 * time.Second
	defaultHeal = 30 * time.Second

	DefaultRate = 200
	maxRate     = 5000 // per cluster; above that this machine is measured, not the mesh
)

// Arrange fills in what was left out and refuses what can't be. A shorter duration than the usual course needs moves the
// fault and the heal forward.
func (o *Options) Arrange(kill, heal Moment) error {
	if o.Rate < 1 || o.Rate > maxRate {
		return Usagef("--rate: %d: want 1 to %d requests per second in each cluster, such as --rate %d", o.Rate, maxRate, DefaultRate)
	}
	if o.Duration < 0 {
		return Usagef("--duration: %s: want a time, such as --duration 50s", o.Duration)
	}
	if o.Fault == chaos.FaultNone {
		if kill.Timed || heal.Timed {
			return Usagef("--fault none leaves nothing to kill or heal; leave out --kill and --heal, or choose --fault kill")
		}
		return nil
	}
	o.Cluster, o.Kill, o.Heal = kill.Cluster, kill.At, heal.At
	if !kill.Timed {
		o.Kill = defaultKill
		if o.Duration > 0 && o.Duration <= defaultHeal {
			o.Kill = o.Duration * 3 / 10
		}
		if heal.Timed && heal.At <= o.Kill {
			o.Kill = heal.At / 2
		}
	}
	if o.Cluster == "" {
		o.Cluster = heal.Cluster
	}
	if o.Cluster == "" {
		o.Cluster = "west"
	}
	if !heal.Timed && !kill.Timed {
		o.Heal = 2 * o.Kill
	}
	return o.check(heal)
}

func (o *Options) check(heal Moment) error {
	if heal.Cluster != "" && heal.Cluster != o.Cluster {
		return Usagef("--heal %s, but --kill hits %s; want the same cluster, such as --kill west@15s --heal west@30s", heal.Cluster, o.Cluster)
	}
	if o.Heal != 0 && o.Heal <= o.Kill {
		return Usagef("--heal %s@%s is not after --kill %s@%s; a valid example is --kill west@15s --heal west@30s", o.Cluster, o.Heal, o.Cluster, o.Kill)
	}
	if o.Duration == 0 {
		return nil
	}
	if o.Duration <= o.Kill {
		return Usagef("--duration %s ends before --kill %s@%s; a valid example is --kill west@15s --duration 50s", o.Duration, o.Cluster, o.Kill)
	}
	if o.Duration <= o.Heal {
		return Usagef("--duration %s ends before --heal %s@%s; a valid example is --kill west@15s --heal west@30s --duration 50s", o.Duration, o.Cluster, o.Heal)
	}
	return nil
}
