package demo

import (
	"context"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Command returns `grapevine demo`.
func Command() *cobra.Command {
	var o Options
	var out Output
	kill, heal := moment{flag: "kill"}, moment{flag: "heal"}
	fault, output := faultFlag(), outputFlag()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Three clusters on this machine, real processes and real traffic, and one of them killed",
		Long: `Three clusters on this machine: two gateways and a sample service each, every one a process of its own, on loopback,
without privileges. In each cluster a prober resolves the service's federated name and requests it at a constant rate.
Then one cluster is killed, all of it in the same instant, and later started again.

Without flags: kills west after 15 s, heals it after 30 s, and goes on until Ctrl-C. All processes and files are gone at
the end. The exit code is 0 when no request failed or hung that was begun after the kill, 1 otherwise.`,
		Example: `  grapevine demo
  grapevine demo --kill west@15s --heal west@30s --duration 50s -o json
  grapevine demo --fault stop --duration 40s --report report.html`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Fault = chaos.FaultKind(fault.value)
			if err := o.arrange(kill, heal); err != nil {
				return err
			}
			out.Out, out.Progress, out.JSON = cmd.OutOrStdout(), cmd.OutOrStdout(), output.value == "json"
			if out.JSON {
				out.Progress = cmd.ErrOrStderr()
			}
			return untilSignal(cmd, func(ctx context.Context) error { return Run(ctx, o, out) })
		},
	}
	cmd.AddCommand(serviceCommand(), getCommand(), lookupCommand())
	flags := cmd.Flags()
	flags.Var(&kill, "kill", "the cluster that the fault hits, and when (default west@15s)")
	flags.Var(&heal, "heal", "when it is healed (default west@30s, and with --kill never)")
	flags.DurationVar(&o.Duration, "duration", 0, "ends the demo after this `TIME`, such as 50s (default: Ctrl-C does)")
	flags.Var(fault, "fault", strings.Join(fault.words, ", ")+"; grapevine chaos --help explains them")
	flags.IntVar(&o.Rate, "rate", defaultRate, "requests per second in each cluster")
	flags.StringVar(&out.Report, "report", "", "writes everything to this HTML `FILE`, such as report.html")
	flags.StringVar(&o.Logs, "logs", "", "keeps the processes' logs in this `DIRECTORY`")
	flags.VarP(output, "output", "o", "table or json")
	return cmd
}

func faultFlag() *choice {
	c := &choice{value: string(chaos.FaultKill), example: "--fault kill"}
	for _, kind := range chaos.FaultKinds() {
		c.words = append(c.words, string(kind))
	}
	return c
}

func outputFlag() *choice {
	return &choice{value: "table", words: []string{"table", "json"}, example: "-o json"}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument %q; `%s --help` shows its flags", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

// probingGC is the GOGC percentage of a demo. A prober makes garbage at a constant rate on top of a tiny heap: by default it
// would collect several times a second, on the CPUs that the mesh under test needs.
const probingGC = 800

// untilSignal runs a demo until it ends or is asked to end. It takes every signal that ends a program by default, a closed
// terminal and a closed pipe among them: whatever it started must not outlive it. Further signals change nothing, because
// the end is bounded and an end in the middle of it would leave things behind.
func untilSignal(cmd *cobra.Command, run func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	defer debug.SetGCPercent(debug.SetGCPercent(probingGC))
	return run(ctx)
}
