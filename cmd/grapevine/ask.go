package main

import (
	"github.com/spf13/cobra"
)

// askCommand is a command that asks the gateway one thing, and prints the answer.
func askCommand[T any](use, short, method, path string, draw func(*table, T)) *cobra.Command {
	var admin adminFlag
	var output outputFlag
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var answer T
			if err := admin.call(cmd.Context(), method, path, nil, &answer); err != nil {
				return err
			}
			return output.print(cmd, answer, func(t *table) { draw(t, answer) })
		},
	}
	admin.register(cmd)
	output.register(cmd)
	return cmd
}
