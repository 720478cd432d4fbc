package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// issueOptions are the flags of `grapevine ca issue`.
type issueOptions struct {
	from, out, namespace string
	gateways             []string
	format               issueFormat
	lifetime             time.Duration
}

func caIssueCommand() *cobra.Command {
	o := issueOptions{format: "files"}
	cmd := &cobra.Command{
		Use:   "issue",
		Short: "Issue gateways' certificates, as files or as Kubernetes Secrets",
		Example: `  grapevine ca issue --ca ca --gateway east/grapevine-0 --out east-0
  grapevine ca issue --ca ca --gateway east/grapevine-0,east/grapevine-1 -o secret | kubectl --context east apply -f -`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			gateways, err := o.parse()
			if err != nil {
				return usageError{err}
			}
			authority, err := readAuthority(o.from)
			if err != nil {
				return err
			}
			if o.format == "secret" {
				return issueSecrets(cmd.OutOrStdout(), authority, gateways, o)
			}
			return issueFiles(cmd, authority, gateways[0], o)
		},
	}
	cmd.Flags().StringVar(&o.from, "ca", "ca", "directory that `grapevine ca init` wrote")
	cmd.Flags().StringSliceVar(&o.gateways, "gateway", nil, "cluster/name of the gateway (required); with -o secret also several of one cluster")
	cmd.Flags().VarP(&o.format, "output", "o", "files or secret")
	cmd.Flags().StringVar(&o.out, "out", "", "directory for the files (default: this one), or file for the Secrets (default: standard output)")
	cmd.Flags().StringVar(&o.namespace, "namespace", "grapevine", "namespace of the Secrets")
	cmd.Flags().DurationVar(&o.lifetime, "lifetime", 90*24*time.Hour, "how long it is valid")
	return cmd
}

// parse checks the flags against each other. It returns at least one gateway.
func (o issueOptions) parse() ([]registry.Gateway, error) {
	if o.lifetime <= 0 {
		return nil, positive("lifetime", o.lifetime)
	}
	if len(o.gateways) == 0 {
		return nil, errors.New("--gateway: missing, want such as --gateway east/grapevine-0")
	}
	var gateways []registry.Gateway
	for _, text := range o.gateways {
		g, err := registry.ParseGateway(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--gateway: %w", err)
		}
		if len(gateways) > 0 && g.Cluster != gateways[0].Cluster {
			return nil, fmt.Errorf("--gateway: %s and %s are of two clusters; issue them one after the other, because each cluster gets its own alone", gateways[0], g)
		}
		gateways = append(gateways, g)
	}
	if o.format == "files" && len(gateways) > 1 {
		return nil, errors.New("--gateway: one gateway at a time, each with an --out of its own; or several with -o secret")
	}
	if err := registry.CheckLabel(o.namespace); err != nil {
		return nil, fmt.Errorf("--namespace: %w; want such as --namespace grapevine", err)
	}
	return gateways, nil
}

func issueFiles(cmd *cobra.Command, authority *tunnel.Authority, self registry.Gateway, o issueOptions) error {
	cert, key, err := authority.Issue(self, time.Now(), o.lifetime)
	if err != nil {
		return err
	}
	out := filepath.Clean(o.out) // "" is "."
	err = writeNew(out, map[string][]byte{authorityCert: authority.CertPEM(), gatewayCert: cert, gatewayKey: key})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s and %s of %s, valid until %s\n", out, authorityCert, gatewayCert, gatewayKey, self, expiry(cert).Format("2006-01-02"))
	return nil
}

// issueFormat is -o of `grapevine ca issue`.
type issueFormat string

// String, Set and Type make the flag check its value while the command line is parsed.
func (f *issueFormat) String() string { return string(*f) }

// Set accepts files and secret.
func (f *issueFormat) Set(value string) error {
	if value != "files" && value != "secret" {
		return errors.New("want files or secret, such as -o secret")
	}
	*f = issueFormat(value)
	return nil
}

// Type names the flag's value in the help.
func (f *issueFormat) Type() string { return "format" }
