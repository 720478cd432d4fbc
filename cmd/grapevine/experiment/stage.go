package experiment

import (
	"context"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Stage is a mesh that experiments are made on, wherever it is: processes on this machine, or clusters of Kubernetes.
type Stage interface {
	// Clusters returns the clusters' names, in the order in which everything is shown.
	Clusters() []string

	// Observers returns one gateway of each cluster, in the same order: what it sees is what clients there live with.
	Observers() []chaos.Observer

	// NewProber returns what asks in one cluster. It asks nothing before its Run.
	NewProber(Probe) (Prober, error)

	// Missing returns what keeps the mesh from being whole, or nil.
	Missing(context.Context) error

	// Aim returns the fault that Strike would make, without its times.
	Aim(kind chaos.FaultKind, cluster string) (*chaos.Fault, error)

	// Strike makes the fault. It calls began with the time of the instant before it touches anything, and returns the time at
	// which all of it had happened.
	Strike(ctx context.Context, fault *chaos.Fault, began func(time.Time)) (gone time.Time, err error)

	// Mend undoes the fault and returns what it did, in words.
	Mend(ctx context.Context, fault *chaos.Fault) (done string, err error)

	// Patience is how much longer than planned an experiment may take, until the mesh is whole again after the heal.
	Patience() time.Duration

	// Deaths tells of what ended and nobody had asked to; nil where nothing can.
	Deaths() <-chan Death

	// Finish adds to the result what only the stage knows: versions, places, and what else went wrong.
	Finish(context.Context, *chaos.Result)
}

// Probe says what a prober does.
type Probe struct {
	Cluster string
	Rate    int                              // requests per second
	Phase   time.Duration                    // its first request's delay, so that several don't beat in step
	Report  func(chaos.Sample)               // takes each request's outcome, from many goroutines
	Problem func(format string, args ...any) // takes what went wrong with the measurement itself
}

// Prober asks in one cluster at a constant rate.
type Prober interface {
	// Run asks until ctx ends, and returns once the last answer has been reported.
	Run(ctx context.Context)

	// Pause leaves out requests until Resume. When it returns, none that was due before will still be begun.
	Pause(ctx context.Context) error

	// Resume waits until the name of the service can be resolved there, and lets the prober go on. Whatever fails from then on
	// is the mesh's fault. The error is ctx's.
	Resume(ctx context.Context) error
}

// Death is the end of something that nobody had asked for.
type Death struct {
	Cluster string
	Name    string // "west/w-1"
	At      time.Time
	Status  string
	Log     string // its last lines
	Probed  bool   // it is what the cluster's prober asks
}
