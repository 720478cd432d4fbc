package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

func resolveCommand() *cobra.Command {
	var admin adminFlag
	var output outputFlag
	var recordType string
	cmd := &cobra.Command{
		Use:     "resolve NAME",
		Short:   "Print what a gateway's name server answers; exit code 1 when it has no answer",
		Example: "  grapevine resolve web.shop.federated\n  grapevine resolve _http._tcp.web.shop.federated --type SRV\n  grapevine resolve web.shop.svc.clusterset.local",
		Args:    exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer daemon.Resolution
			query := url.Values{"name": {args[0]}, "type": {recordType}}
			if err := admin.get(cmd.Context(), "/v1/resolve", query, &answer); err != nil {
				return err
			}
			err := output.print(cmd, answer, func(t *table) {
				for _, record := range append(answer.Answers, answer.Extra...) {
					t.line(record)
				}
			})
			if err != nil {
				return err
			}
			if answer.Rcode != "NOERROR" || len(answer.Answers) == 0 {
				return problem(describe(answer))
			}
			return nil
		},
	}
	admin.register(cmd)
	output.register(cmd)
	cmd.Flags().StringVarP(&recordType, "type", "t", "A", "record type: A, AAAA, SRV, TXT, SOA, NS")
	return cmd
}

func describe(r daemon.Resolution) string {
	text := fmt.Sprintf("%s %s: %s", r.Name, r.Type, r.Rcode)
	if r.Rcode == "NOERROR" {
		text += ", no data"
	}
	if r.Note != "" {
		text += " (" + r.Note + ")"
	}
	return text
}
