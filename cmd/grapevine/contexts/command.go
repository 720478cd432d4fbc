package contexts

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// ProberCommand is the hidden command that the prober's Pod runs.
const ProberCommand = "chaos prober"

// NewProberCommand returns `grapevine chaos prober`.
func NewProberCommand() *cobra.Command {
	var cfg PodConfig
	var listen, resolv string
	words := strings.Fields(ProberCommand)
	cmd := &cobra.Command{
		Use:    words[len(words)-1],
		Short:  "Ask a service at a constant rate, as `grapevine chaos --contexts` lets a Pod of each cluster do",
		Hidden: true,
		Args:   experiment.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.DNS, err = nameServer(resolv); err != nil {
				return err
			}
			pod, err := NewPod(cfg)
			if err != nil {
				return experiment.Usagef("--rate: %v, such as --rate %d", err, experiment.DefaultRate)
			}
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("--listen: %w", err)
			}
			return experiment.UntilSignal(cmd, func(ctx context.Context) error { return pod.Run(ctx, listener) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Name, "name", "", "the service's `NAME`, with a dot at the end, such as frontend.shop.federated.")
	flags.Uint16Var(&cfg.Port, "port", 80, "the service's port")
	flags.IntVar(&cfg.Rate, "rate", experiment.DefaultRate, "requests per second")
	flags.StringVar(&listen, "listen", fmt.Sprintf("127.0.0.1:%d", proberPort), "the `ADDRESS` where it is told what to do")
	flags.StringVar(&resolv, "resolv-conf", "/etc/resolv.conf", "the `FILE` that names the name server")
	return cmd
}
