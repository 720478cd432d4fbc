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
	return askCommand(use, short, http.MethodPost, path, func(t *table, status daemon.Status) {
		t.line(fmt.Sprintf("%s %s", status.Gateway, done))
	})
}
