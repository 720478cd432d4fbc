package demo

import (
	"context"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// Run carries out a demo until its duration is over or ctx ends, and prints its result. The error has exit code 1 when
// something was wrong with what was found.
func Run(ctx context.Context, o experiment.Options, out experiment.Output) error {
	return out.Present(ctx, func(ctx context.Context, s *experiment.Screen) (*chaos.Result, error) {
		return run(ctx, o, s, introduce)
	})
}

// Once makes one experiment with a new mesh, which nobody watches.
func Once(ctx context.Context, o experiment.Options, s *experiment.Screen) (*chaos.Result, error) {
	return run(ctx, o, s, func(*stage, experiment.Options, *experiment.Screen) {})
}
