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

// serviceCommand returns the sample service as a hidden subcommand: the demo starts one process of it in each cluster, and
// the samples for Kubernetes are made of it.
func serviceCommand() *cobra.Command {
	var listen, echo, answer string
	cmd := &cobra.Command{
		Use:     "service [--listen ADDRESS] [--echo ADDRESS] --answer TEXT",
		Short:   "The sample service: answers every request with a text",
		Example: "  grapevine demo service --listen 0.0.0.0:8080 --echo 0.0.0.0:9000 --answer 'east frontend-0 10.11.0.7'",
		Hidden:  true,
		Args:    experiment.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			address, err := netip.ParseAddrPort(listen)
			if err != nil {
				return experiment.Usagef("--listen: want an address with a port, such as --listen 127.0.0.1:9001")
			}
			if echo == "" {
				return RunService(cmd.Context(), address, answer)
			}
			echoAt, err := netip.ParseAddrPort(echo)
			if err != nil {
				return experiment.Usagef("--echo: want an address with a port, such as --echo 127.0.0.1:9000")
			}
			return runBoth(cmd.Context(), address, echoAt, answer)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9001", "where to answer HTTP")
	cmd.Flags().StringVar(&echo, "echo", "", "where to answer UDP: the text, a space, and what came (default: nowhere)")
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

// runBoth serves HTTP and UDP until ctx or one of them ends.
func runBoth(ctx context.Context, listen, echo netip.AddrPort, answer string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	echoed := make(chan error, 1)
	go func() {
		defer cancel()
		echoed <- runEcho(ctx, echo, answer)
	}()
	err := RunService(ctx, listen, answer)
	cancel()
	return errors.Join(err, <-echoed)
}

// maxDatagram is the longest UDP payload.
const maxDatagram = 65_507

// runEcho sends every datagram back behind the given text and a space, until ctx ends. What would be too long together
// loses its end.
func runEcho(ctx context.Context, listen netip.AddrPort, answer string) error {
	conn, err := net.ListenPacket("udp", listen.String())
	if err != nil {
		return fmt.Errorf("the sample service: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	packet := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFrom(packet)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the sample service: %w", err)
		}
		reply := append([]byte(answer+" "), packet[:n]...)
		conn.WriteTo(reply[:min(len(reply), maxDatagram)], from) // the sender may be gone: UDP promises nothing
	}
}
