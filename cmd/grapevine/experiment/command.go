package experiment

import (
	"context"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// NoArguments makes an argument wrong use.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%s takes no argument %q; `%s --help` shows its flags", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

// probingGC is the GOGC percentage while probers run. A prober makes garbage at a constant rate on top of a tiny heap: by default it
// would collect several times a second, on the CPUs that the mesh under test needs.
const probingGC = 800

// UntilSignal runs an experiment until it ends or is asked to end. It takes every signal that ends a program by default, a closed
// terminal and a closed pipe among them: whatever it started must not outlive it. Further signals change nothing, because
// the end is bounded and an end in the middle of it would leave things behind.
func UntilSignal(cmd *cobra.Command, run func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	defer debug.SetGCPercent(debug.SetGCPercent(probingGC))
	return run(ctx)
}
