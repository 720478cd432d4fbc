// Command grapevine keeps a service reachable when a whole Kubernetes cluster dies.
//
//	grapevine demo                three clusters on this machine, one of them killed
//	grapevine run -c gateway.yaml one gateway
//	grapevine members             what a gateway sees; see also status, services, links, events
//
//	 flags, signals, exit code        the daemon              one idea each
//	┌────────────────────────┐   ┌──────────────┐   ┌─────────────────────────────┐
//	│ main.go, run.go, ca.go │──▶│    daemon    │──▶│ gossip tunnel dnsserver …   │
//	│ status.go, ping.go, …  │──▶│  admin API   │   └─────────────────────────────┘
//	└────────────────────────┘   └──────────────┘
//	             │ demo/  starts clusters of this very binary, and kills them
//
// Each subcommand is one file. The commands that ask a running gateway speak to its admin API and know nothing else of it.
// The exit code is 0 when all is fine, 1 when a problem was found, and 2 after wrong use.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "grapevine:", err)
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return coded.ExitCode()
	}
	return 1
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "grapevine",
		Short:         "One service out of the same service in many clusters, reachable when a whole cluster dies",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		runCommand(), demo.Command(), chaosCommand(),
		statusCommand(), membersCommand(), servicesCommand(), linksCommand(), eventsCommand(),
		resolveCommand(), pingCommand(), drainCommand(), undrainCommand(),
		caCommand(), stubzoneCommand(), versionCommand(),
	)
	return root
}

// usageError is wrong use of the command line, as opposed to a problem that was found.
type usageError struct{ error }

// ExitCode is the exit code of wrong use.
func (usageError) ExitCode() int { return 2 }

func (e usageError) Unwrap() error { return e.error }

func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("no command %q; `%s --help` lists them", args[0], cmd.CommandPath())}
}

// exactly makes wrong numbers of arguments wrong use, and shows the right one.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("want `%s`", cmd.UseLine())}
		}
		return nil
	}
}
