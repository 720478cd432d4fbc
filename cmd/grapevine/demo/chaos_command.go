package demo

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// ChaosCommand returns `grapevine chaos`.
func ChaosCommand() *cobra.Command {
	var s series
	var out Output
	var contexts string
	var limits []string
	kill, heal := moment{flag: "kill", optional: true}, moment{flag: "heal"}
	fault, output := processFaultFlag(), outputFlag()
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break a cluster many times over, and measure what its clients noticed",
		Long: `Runs the experiment of "grapevine demo" many times, each with a new mesh on this machine, and prints median, 95th
percentile and maximum of each figure. First comes the null experiment, the same without a fault: unless that is clean,
the figures would say nothing about the fault, and no run is made.

Faults:
  kill      SIGKILL for every process of the cluster, in the same instant
  stop      SIGSTOP for every process, SIGCONT as the heal: a cluster that hangs
  gateway   SIGKILL for one of the cluster's two gateways
  graceful  SIGTERM: a planned shutdown
  none      nothing

The exit code is 0 when every run was within the limits, 1 otherwise. Without --limit they are failed=0 and hung=0.`,
		Example: `  grapevine chaos --kill west --fault kill --runs 20
  grapevine chaos --fault stop --runs 5 --limit longest=1s --limit link_down=1s -o json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if contexts != "" {
				return usagef("--contexts: Kubernetes contexts are not supported yet by this version; leave it out to break processes on this machine")
			}
			s.Fault = chaos.FaultKind(fault.value)
			if err := s.arrange(kill, heal, limits); err != nil {
				return err
			}
			out.Out, out.Progress, out.JSON = cmd.OutOrStdout(), cmd.ErrOrStderr(), output.value == "json"
			s.once = func(ctx context.Context, o Options, behind *screen) (*chaos.Result, error) {
				return run(ctx, o, behind, plainly)
			}
			return untilSignal(cmd, func(ctx context.Context) error { return s.run(ctx, out) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&contexts, "contexts", "", "Kubernetes contexts (not supported yet by this version)")
	flags.Var(&kill, "kill", "the cluster that the fault hits, and when (default west@5s)")
	flags.Var(&heal, "heal", "when it is healed (default west@17s)")
	flags.DurationVar(&s.Duration, "duration", chaosDuration, "the `TIME` of each run")
	flags.Var(fault, "fault", strings.Join(fault.words, ", "))
	flags.IntVar(&s.Runs, "runs", chaosRuns, "how many times")
	flags.IntVar(&s.Rate, "rate", defaultRate, "requests per second in each cluster")
	flags.StringArrayVar(&limits, "limit", nil, "a `BOUND` that no run may exceed, such as longest=1s (may be repeated)")
	flags.StringVar(&out.Report, "report", "", "writes everything to this HTML `FILE`, such as report.html")
	flags.StringVar(&s.Logs, "logs", "", "keeps the processes' logs in this `DIRECTORY`, one directory for each run")
	flags.VarP(output, "output", "o", "table or json")
	return cmd
}

// processFaultFlag is --fault. The contract's other faults need a network between the clusters.
func processFaultFlag() *choice {
	c := faultFlag()
	c.later = []string{"cut", "cut-in", "cut-out", "loss30", "roll", "apiserver"}
	return c
}
