package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/registry"
)

func pingCommand() *cobra.Command {
	var admin adminFlag
	var output outputFlag
	var count int
	cmd := &cobra.Command{
		Use:     "ping GATEWAY",
		Short:   "Measure the round trip over the link to another gateway",
		Example: "  grapevine ping west/grapevine-0",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := registry.ParseGateway(args[0])
			if err != nil {
				return usageError{err}
			}
			if count < 1 {
				return usageError{fmt.Errorf("--count %d: want 1 or more, such as --count 3", count)}
			}
			pongs := make([]daemon.Pong, count)
			for i := range pongs {
				query := url.Values{"gateway": {target.String()}}
				if err := admin.get(cmd.Context(), "/v1/ping", query, &pongs[i]); err != nil {
					return err
				}
				if output == "table" {
					fmt.Fprintf(cmd.OutOrStdout(), "%s answered in %.2f ms (%s)\n", target, pongs[i].RTTms, pongs[i].Path)
				}
			}
			if output == "table" {
				return nil
			}
			return output.print(cmd, pongs, nil)
		},
	}
	admin.register(cmd)
	output.register(cmd)
	cmd.Flags().IntVarP(&count, "count", "n", 3, "how many times")
	return cmd
}
