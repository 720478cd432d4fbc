package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

// problem ends a command with exit code 1 after it has printed what it found.
type problem string

// Error says what was found.
func (p problem) Error() string { return string(p) }

func statusCommand() *cobra.Command {
	var admin adminFlag
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print how a gateway is; exit code 1 when something is wrong with it",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status daemon.Status
			if err := admin.get(cmd.Context(), "/v1/status", nil, &status); err != nil {
				return err
			}
			if err := output.print(cmd, status, func(t *table) { drawStatus(t, status) }); err != nil {
				return err
			}
			switch {
			case !status.Ready:
				return problem("the gateway is not ready")
			case status.Isolated:
				return problem("the gateway reaches no other gateway")
			}
			return nil
		},
	}
	admin.register(cmd)
	output.register(cmd)
	return cmd
}

func drawStatus(t *table, s daemon.Status) {
	t.row("gateway", fmt.Sprintf("%s of %s", s.Gateway, s.Mesh))
	t.row("version", s.Version)
	t.row("ready", yesNo(s.Ready))
	t.row("synchronised", yesNo(s.Synced))
	t.row("isolated", yesNo(s.Isolated))
	t.row("draining", yesNo(s.Draining))
	var members []string
	for _, state := range slices.Sorted(maps.Keys(s.Members)) {
		members = append(members, fmt.Sprintf("%d %s", s.Members[state], state))
	}
	t.row("members", strings.Join(members, ", "))
	t.row("services", s.Services)
	t.row("dns", fmt.Sprintf("%s on %s", s.Zone, s.DNS))
	t.row("mesh socket", s.Listen)
	for _, seed := range s.Seeds {
		state := "answers"
		switch {
		case seed.Error != "":
			state = seed.Error
		case seed.At == nil:
			state = "not tried yet"
		}
		t.row("seed", seed.Seed+": "+state)
	}
	t.row("certificate", "until "+s.CertificateExpires.Format("2006-01-02 15:04 MST"))
}
