package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

func eventsCommand() *cobra.Command {
	var admin adminFlag
	var output outputFlag
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what happened at a gateway: links, members, services",
		Long:  "Print what happened at a gateway: links, members, services. With -o json each line is one event.",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"since": {"0"}}
			if !follow {
				query.Set("follow", "false")
			}
			stream, err := admin.open(cmd.Context(), http.MethodGet, "/v1/events", query)
			if err != nil {
				return err
			}
			defer stream.Close()
			lines := bufio.NewScanner(stream)
			for lines.Scan() {
				data, isData := strings.CutPrefix(lines.Text(), "data: ")
				if !isData {
					continue
				}
				if err := printEvent(cmd, output, data); err != nil {
					return err
				}
			}
			if err := lines.Err(); err != nil && cmd.Context().Err() == nil {
				return fmt.Errorf("the stream of events broke off: %w", err)
			}
			if follow && cmd.Context().Err() == nil {
				return errors.New("the gateway ended the stream of events")
			}
			return nil
		},
	}
	admin.register(cmd)
	output.register(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens from now on")
	return cmd
}

func printEvent(cmd *cobra.Command, output outputFlag, data string) error {
	if output == "json" {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), data)
		return err
	}
	var e daemon.Event
	if err := json.Unmarshal([]byte(data), &e); err != nil {
		return fmt.Errorf("an event from the gateway: %w", err)
	}
	words := []string{e.Time.Local().Format("15:04:05.000"), e.Type}
	for _, word := range []string{e.Gateway, e.Service, e.State, e.Detail} {
		if word != "" {
			words = append(words, word)
		}
	}
	if e.Reason != "" {
		words = append(words, "("+e.Reason+")")
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.Join(words, " "))
	return err
}
