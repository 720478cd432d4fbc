package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

func drainCommand() *cobra.Command {
	return switchDraining("drain", "Send new connections round a gateway, before planned maintenance", "/v1/drain", "is draining: new connections go to other gateways")
}

func undrainCommand() *cobra.Command {
	return switchDraining("undrain", "Let new connections through a gateway again", "/v1/undrain", "takes new connections")
}

func switchDraining(use, short, path, done string) *cobra.Command {
	var admin adminFlag
	var output outputFlag
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status daemon.Status
			if err := admin.call(cmd.Context(), http.MethodPost, path, nil, &status); err != nil {
				return err
			}
			return output.print(cmd, status, func(t *table) { t.line(fmt.Sprintf("%s %s", status.Gateway, done)) })
		},
	}
	admin.register(cmd)
	output.register(cmd)
	return cmd
}
