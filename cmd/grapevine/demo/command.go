package demo

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// Command returns `grapevine demo`.
func Command() *cobra.Command {
	var o experiment.Options
	var out experiment.Output
	kill := experiment.Moment{Flag: "kill", Clusters: ClusterNames()}
	heal := experiment.Moment{Flag: "heal", Clusters: ClusterNames()}
	fault, output := experiment.FaultFlag(chaos.FaultKinds()), experiment.OutputFlag()
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
		Args: experiment.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Fault = chaos.FaultKind(fault.Value)
			if err := o.Arrange(kill, heal); err != nil {
				return err
			}
			out.Out, out.Progress, out.JSON = cmd.OutOrStdout(), cmd.OutOrStdout(), output.Value == "json"
			if out.JSON {
				out.Progress = cmd.ErrOrStderr()
			}
			return experiment.UntilSignal(cmd, func(ctx context.Context) error { return Run(ctx, o, out) })
		},
	}
	cmd.AddCommand(serviceCommand(), getCommand(), lookupCommand())
	flags := cmd.Flags()
	flags.Var(&kill, "kill", "the cluster that the fault hits, and when (default west@15s)")
	flags.Var(&heal, "heal", "when it is healed (default west@30s, and with --kill never)")
	flags.DurationVar(&o.Duration, "duration", 0, "ends the demo after this `TIME`, such as 50s (default: Ctrl-C does)")
	flags.Var(fault, "fault", strings.Join(fault.Words, ", ")+"; grapevine chaos --help explains them")
	flags.IntVar(&o.Rate, "rate", experiment.DefaultRate, "requests per second in each cluster")
	flags.StringVar(&out.Report, "report", "", "writes everything to this HTML `FILE`, such as report.html")
	flags.StringVar(&o.Logs, "logs", "", "keeps the processes' logs in this `DIRECTORY`")
	flags.VarP(output, "output", "o", "table or json")
	return cmd
}
