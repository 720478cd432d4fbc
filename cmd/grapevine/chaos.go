package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/contexts"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/demo"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

const chaosHelp = `Makes the same experiment many times and prints median, 95th percentile and maximum of each figure: a cluster is broken
and healed, while in each cluster a prober asks a service at a constant rate. First comes the null experiment, the same
without a fault: unless that is clean, the figures would say nothing about the fault, and no run is made.

Without --contexts each experiment has a new mesh of processes on this machine; with it, all have the mesh that is installed
in these contexts of kubectl. There the probers are Pods, which are removed at the end.

Faults:
  kill         everything of the cluster ends in the same instant: SIGKILL, or its machines lose power
  stop         everything is frozen, and goes on at the heal: a cluster that hangs
  gateway      one of the cluster's gateways is killed
  graceful     a planned shutdown
  none         nothing
only with --contexts:
  gateways     all gateways of the cluster are killed, nothing else of it
  own-gateway  as gateway, but judged by how long the cluster's own clients notice it
  cut          nothing passes between the cluster and the others (cut-in: to it; cut-out: from it)
  loss30       30 % of the packets between the cluster and the others are lost
  roll         the gateways are restarted one after the other, as an upgrade does
  apiserver    the API server alone is away: nothing may fail, and nothing may change

What Kubernetes has no command for (kill, stop, cut, cut-in, cut-out, loss30, apiserver) a driver does, a program that knows
the machines; chaos/drivers has some, and says what one has to do.

The exit code is 0 when every run was within the limits, 1 otherwise. Without --limit they are failed=0 and hung=0; for
own-gateway, outage=1500ms.`

// chaosFlags is what the command line of `grapevine chaos` says.
type chaosFlags struct {
	series        experiment.Series
	out           experiment.Output
	kill, heal    experiment.Moment
	limits        []string
	fault, output *experiment.Choice
	contexts      string
	service       string
	cfg           contexts.Config
}

func chaosCommand() *cobra.Command {
	c := &chaosFlags{
		kill: experiment.Moment{Flag: "kill", Optional: true}, heal: experiment.Moment{Flag: "heal"},
		fault: experiment.FaultFlag(chaos.ClusterFaultKinds()), output: experiment.OutputFlag(),
	}
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break a cluster many times over, and measure what its clients noticed",
		Long:  chaosHelp,
		Example: `  grapevine chaos --kill west --fault kill --runs 20
  grapevine chaos --fault stop --runs 5 --limit longest=1s --limit link_down=1s -o json
  grapevine chaos --contexts east,west,north --driver chaos/drivers/kind.sh --kill west --fault cut`,
		Args: experiment.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.contexts, "contexts", "", "kubectl's `CONTEXTS` of the clusters, such as east,west,north")
	flags.Var(&c.kill, "kill", "the cluster that the fault hits, and when (default west@5s; with --contexts it has to be given)")
	flags.Var(&c.heal, "heal", "when it is healed (default west@17s; with --contexts west@20s)")
	flags.DurationVar(&c.series.Duration, "duration", 0, "the `TIME` of each run (default 30s; with --contexts 45s, and longer while the mesh isn't whole yet)")
	flags.Var(c.fault, "fault", strings.Join(c.fault.Words, ", "))
	flags.IntVar(&c.series.Runs, "runs", experiment.DefaultRuns, "how many times")
	flags.IntVar(&c.series.Rate, "rate", experiment.DefaultRate, "requests per second in each cluster")
	flags.StringArrayVar(&c.limits, "limit", nil, "a `BOUND` that no run may exceed, such as longest=1s (may be repeated)")
	flags.StringVar(&c.out.Report, "report", "", "writes everything to this HTML `FILE`, such as report.html")
	flags.StringVar(&c.series.Logs, "logs", "", "keeps the processes' logs in this `DIRECTORY`, one directory for each run (not with --contexts)")
	flags.VarP(c.output, "output", "o", "table or json")
	flags.StringVar(&c.cfg.Driver, "driver", "", "with --contexts: the `PROGRAM` that makes faults of machines and networks")
	flags.StringVar(&c.cfg.Namespace, "namespace", "grapevine", "with --contexts: the `NAMESPACE` of the gateways")
	flags.StringVar(&c.service, "service", "frontend.shop", "with --contexts: the `SERVICE` that is asked, with its namespace, such as frontend.shop or frontend.shop:8080")
	flags.StringVar(&c.cfg.Kubectl, "kubectl", "kubectl", "with --contexts: the `PROGRAM`")
	flags.StringVar(&c.cfg.Ask, "ask", "", "the name that is resolved instead of the service's own")
	flags.MarkHidden("ask")
	cmd.AddCommand(contexts.NewProberCommand())
	return cmd
}

func (c *chaosFlags) run(cmd *cobra.Command) error {
	c.series.Fault = chaos.FaultKind(c.fault.Value)
	c.out.Out, c.out.Progress, c.out.JSON = cmd.OutOrStdout(), cmd.ErrOrStderr(), c.output.Value == "json"
	if c.contexts != "" {
		return c.runContexts(cmd)
	}
	if err := c.checkProcesses(cmd); err != nil {
		return err
	}
	c.series.Course, c.series.Once = experiment.ProcessCourse(), demo.Once
	if err := c.series.Arrange(c.kill, c.heal, c.limits); err != nil {
		return err
	}
	return experiment.UntilSignal(cmd, func(ctx context.Context) error { return c.series.Run(ctx, c.out) })
}

// checkProcesses refuses what only clusters of Kubernetes have.
func (c *chaosFlags) checkProcesses(cmd *cobra.Command) error {
	if err := experiment.FaultFlag(chaos.FaultKinds()).Set(c.fault.Value); err != nil {
		return experiment.Usagef("--fault %s needs --contexts; for processes on this machine %v", c.fault.Value, err)
	}
	for _, flag := range []string{"driver", "namespace", "service", "kubectl", "ask"} {
		if cmd.Flags().Changed(flag) {
			return experiment.Usagef("--%s needs --contexts, such as --contexts east,west,north", flag)
		}
	}
	for _, moment := range []*experiment.Moment{&c.kill, &c.heal} {
		if err := moment.Check(demo.ClusterNames()); err != nil {
			return err
		}
	}
	return nil
}

func (c *chaosFlags) runContexts(cmd *cobra.Command) error {
	if err := c.cfg.SetContexts(c.contexts); err != nil {
		return err
	}
	if err := c.cfg.SetService(c.service); err != nil {
		return err
	}
	if c.series.Logs != "" {
		return experiment.Usagef("--logs is for processes on this machine; `kubectl logs` has those of Pods")
	}
	if c.kill.Cluster == "" && c.series.Fault != chaos.FaultNone {
		return experiment.Usagef("--kill: say which of the clusters may be broken, such as --kill %s", c.cfg.Contexts[1])
	}
	c.series.Course, c.cfg.Rate = experiment.ClusterCourse(), c.series.Rate
	if err := c.series.Arrange(c.kill, c.heal, c.limits); err != nil {
		return err
	}
	if err := c.out.Check(); err != nil {
		return err
	}
	return experiment.UntilSignal(cmd, c.onStage)
}

// onStage makes the series on the clusters' mesh.
func (c *chaosFlags) onStage(ctx context.Context) error {
	screen := experiment.NewScreen(c.out.Progress)
	stage, err := contexts.Open(ctx, c.cfg, screen)
	if ctx.Err() != nil {
		return experiment.ErrInterrupted
	}
	if err != nil {
		return err
	}
	if err := stage.Can(c.series.Fault); err != nil {
		return err
	}
	defer stage.Close(ctx, screen)
	err = stage.Start(ctx, screen)
	if ctx.Err() != nil {
		return experiment.ErrInterrupted
	}
	if err != nil {
		return err
	}
	c.kill.Cluster = stage.ClusterOf(c.kill.Cluster)
	if err := c.kill.Check(stage.Clusters()); err != nil {
		return err
	}
	if c.series.Fault != chaos.FaultNone {
		c.series.Cluster = c.kill.Cluster
	}
	c.series.Once = stage.Once
	return c.series.Run(ctx, c.out)
}
