package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/registry/kube"
	"github.com/grapevine-mesh/grapevine/registry/kube/stubzone"
)

// stubzoneFlags are what `grapevine stubzone` is told.
type stubzoneFlags struct {
	kubeconfig, context, namespace string
	to                             []string
	options                        stubzone.Options
	apply, restart                 bool
}

func stubzoneCommand() *cobra.Command {
	var flags stubzoneFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "stubzone",
		Short: "Point this cluster's DNS at Grapevine; shows what it would change, and does it only with --apply",
		Example: "  grapevine stubzone --context east\n" +
			"  grapevine stubzone --context east --zone federated --zone clusterset.local --apply --restart\n" +
			"  grapevine stubzone --context east --remove --apply",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			told, err := flags.run(cmd)
			if err != nil {
				return err
			}
			if output == "json" {
				err = output.print(cmd, told, nil)
			} else {
				fmt.Fprint(cmd.OutOrStdout(), told.text())
			}
			if err == nil && told.ByHand != "" {
				return problem("this cluster's DNS has to be told by hand")
			}
			return err
		},
	}
	output.register(cmd)
	cmd.Flags().StringVar(&flags.kubeconfig, "kubeconfig", "", "file with the cluster's address (default: $KUBECONFIG, or ~/.kube/config)")
	cmd.Flags().StringVar(&flags.context, "context", "", "context in it (default: the current one)")
	cmd.Flags().StringVar(&flags.namespace, "namespace", "grapevine", "where Grapevine is installed")
	cmd.Flags().StringArrayVar(&flags.options.Zones, "zone", []string{"federated"}, "zone to send; may be given again, and those given are all")
	cmd.Flags().StringSliceVar(&flags.to, "to", nil, "addresses of the gateways' DNS (default: of the Services labelled grapevine.dev/role=dns)")
	cmd.Flags().BoolVar(&flags.options.Remove, "remove", false, "take out what sends zones to Grapevine")
	cmd.Flags().BoolVar(&flags.apply, "apply", false, "do it")
	cmd.Flags().BoolVar(&flags.restart, "restart", false, "start CoreDNS anew where that is what the change waits for")
	return cmd
}

// run does what the flags ask for.
func (f *stubzoneFlags) run(cmd *cobra.Command) (stubzoneReport, error) {
	for _, text := range f.to {
		server, err := stubzone.ParseServer(text)
		if err != nil {
			return stubzoneReport{}, usageError{fmt.Errorf("--to: %w", err)}
		}
		f.options.To = append(f.options.To, server)
	}
	if err := stubzone.CheckZones(f.options.Zones); err != nil {
		return stubzoneReport{}, usageError{err}
	}
	client, err := kube.ConnectContext(f.kubeconfig, f.context, "grapevine-stubzone")
	if err != nil {
		return stubzoneReport{}, err
	}
	if len(f.options.To) == 0 && !f.options.Remove {
		if f.options.To, err = stubzone.Servers(cmd.Context(), client, f.namespace); err != nil {
			return stubzoneReport{}, err
		}
	}
	do := stubzone.Preview
	if f.apply {
		do = stubzone.Apply
	}
	plan, err := do(cmd.Context(), client, f.options)
	if err != nil {
		return stubzoneReport{}, err
	}
	told := f.report(plan)
	if f.apply && f.restart && plan.Restart {
		if err := stubzone.Restart(cmd.Context(), client, time.Now()); err != nil {
			return stubzoneReport{}, fmt.Errorf("the change is made, and CoreDNS reads it by and by; starting it anew failed: %w", err)
		}
	}
	return told, nil
}
