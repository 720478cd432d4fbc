package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// serviceCommand is the name of the hidden subcommand that is the sample service.
const serviceCommand = "demo-service"

// ServiceCommand returns the sample service of the demo as a hidden subcommand: the demo starts one process of it in each
// cluster.
func ServiceCommand() *cobra.Command {
	var listen, answer string
	cmd := &cobra.Command{
		Use:    serviceCommand + " --listen ADDRESS --answer TEXT",
		Short:  "The sample service of the demo: answers every request with a text",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := netip.ParseAddrPort(listen)
			if err != nil {
				return experiment.Usagef("--listen: want an address with a port, such as --listen 127.0.0.1:9001")
			}
			return RunService(cmd.Context(), address, answer)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9001", "where to listen")
	cmd.Flags().StringVar(&answer, "answer", "", "what to answer")
	return cmd
}

// RunService answers every HTTP request with the given text, and /healthz with "ok", until ctx ends. Then it lets what is being
// answered end.
func RunService(ctx context.Context, listen netip.AddrPort, answer string) error {
	listener, err := net.Listen("tcp", listen.String())
	if err != nil {
		return fmt.Errorf("the sample service: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, answer) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(farewell); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
