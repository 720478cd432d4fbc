package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// getCommand returns a client for the sample services as a hidden subcommand. Grapevine's image has neither shell nor curl:
//
//	kubectl exec deploy/client -- /grapevine demo get http://frontend.shop.federated
func getCommand() *cobra.Command {
	var count int
	var interval, timeout time.Duration
	cmd := &cobra.Command{
		Use:   "get URL",
		Short: "A client for the sample service: prints the first line of each answer",
		Example: `  grapevine demo get http://frontend.shop.federated
  grapevine demo get --count 20 --interval 100ms http://frontend.shop.federated
  grapevine demo get udp://echo.shop.federated:9000/hello`,
		Hidden: true,
		Args:   oneArgument("http://frontend.shop.federated"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask, err := asker(args[0])
			if err != nil {
				return err
			}
			if count < 1 || interval < 0 || timeout <= 0 {
				return experiment.Usagef("want at least one request, no negative --interval and a positive --timeout, such as --count 3 --interval 1s --timeout 1s")
			}
			return askOften(cmd, ask, count, interval, timeout)
		},
	}
	cmd.Flags().IntVar(&count, "count", 1, "how many requests, each over a connection of its own")
	cmd.Flags().DurationVar(&interval, "interval", 0, "pause between two of them")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "how long each may take")
	return cmd
}

// lookupCommand returns a resolver as a hidden subcommand: it asks what the Pod's own applications ask.
func lookupCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "lookup NAME",
		Short:   "Prints the addresses that a name has here",
		Example: "  grapevine demo lookup frontend.shop.federated",
		Hidden:  true,
		Args:    oneArgument("frontend.shop.federated"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			addresses, err := net.DefaultResolver.LookupHost(ctx, args[0])
			for _, address := range addresses {
				fmt.Fprintln(cmd.OutOrStdout(), address)
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long it may take")
	return cmd
}

func oneArgument(example string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return experiment.Usagef("want `%s`, such as `%s %s`", cmd.UseLine(), cmd.CommandPath(), example)
		}
		return nil
	}
}

// askOften prints an answer or an error for each request, and fails where one of them did.
func askOften(cmd *cobra.Command, ask func(context.Context) (string, error), count int, interval, timeout time.Duration) error {
	failed := 0
	for n := range count {
		if n > 0 {
			select {
			case <-time.After(interval):
			case <-cmd.Context().Done():
				return cmd.Context().Err()
			}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		answer, err := ask(ctx)
		cancel()
		if err != nil {
			failed++
			fmt.Fprintln(cmd.ErrOrStderr(), "failed:", err)
			continue
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d requests failed", failed, count)
	}
	return nil
}

// asker returns what asks a service once.
func asker(text string) (func(context.Context) (string, error), error) {
	target, err := url.Parse(text)
	switch {
	case err == nil && target.Scheme == "http" && target.Host != "":
		return func(ctx context.Context) (string, error) { return askHTTP(ctx, target.String()) }, nil
	case err == nil && target.Scheme == "udp" && target.Port() != "":
		return func(ctx context.Context) (string, error) {
			return askUDP(ctx, target.Host, strings.TrimPrefix(target.Path, "/"))
		}, nil
	}
	return nil, experiment.Usagef("%q: want http://HOST[:PORT][/PATH] or udp://HOST:PORT/TEXT, such as http://frontend.shop.federated", text)
}

// askHTTP asks over a connection of its own, so that each request is routed anew.
func askHTTP(ctx context.Context, target string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	line, err := bufio.NewReader(io.LimitReader(response.Body, maxDatagram)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", target, response.Status)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// askUDP sends one datagram and waits for one.
func askUDP(ctx context.Context, address, text string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, bounded := ctx.Deadline(); bounded {
		conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	packet := make([]byte, maxDatagram)
	n, err := conn.Read(packet)
	return string(packet[:n]), err
}
