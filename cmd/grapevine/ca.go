package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// What `grapevine ca` writes. The authority's key stays where it was made; a gateway gets ca.crt, tls.crt and tls.key, the
// names that a Kubernetes TLS Secret uses.
const (
	authorityCert = "ca.crt"
	authorityKey  = "ca.key"
	gatewayCert   = "tls.crt"
	gatewayKey    = "tls.key"
)

func caCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Make a mesh's certificate authority and its gateways' certificates",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(caInitCommand(), caIssueCommand())
	return cmd
}

func caInitCommand() *cobra.Command {
	var mesh, out string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Make a certificate authority for a mesh",
		Example: "  grapevine ca init --mesh mesh.internal --out ca",
		Args:    exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := positive("lifetime", lifetime); err != nil {
				return err
			}
			authority, err := tunnel.NewAuthority(mesh, time.Now(), lifetime)
			if err != nil {
				return usageError{err}
			}
			err = writeNew(out, map[string][]byte{authorityCert: authority.CertPEM(), authorityKey: authority.KeyPEM()})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: the authority's certificate, for every gateway of mesh %s\n", filepath.Join(out, authorityCert), mesh)
			fmt.Fprintf(cmd.OutOrStdout(), "%s: its key; keep it away from the gateways\n", filepath.Join(out, authorityKey))
			return nil
		},
	}
	cmd.Flags().StringVar(&mesh, "mesh", "mesh.internal", "the mesh's name, as in the configuration")
	cmd.Flags().StringVar(&out, "out", "ca", "directory to write to")
	cmd.Flags().DurationVar(&lifetime, "lifetime", 10*365*24*time.Hour, "how long it is valid")
	return cmd
}

func positive(flag string, d time.Duration) error {
	if d <= 0 {
		return usageError{fmt.Errorf("--%s %s: want a positive duration, such as --%s 2160h", flag, d, flag)}
	}
	return nil
}

func readAuthority(dir string) (*tunnel.Authority, error) {
	cert, err := os.ReadFile(filepath.Join(dir, authorityCert))
	if err != nil {
		return nil, fmt.Errorf("--ca: %w (`grapevine ca init --out %s` makes an authority)", err, dir)
	}
	key, err := os.ReadFile(filepath.Join(dir, authorityKey))
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	authority, err := tunnel.ParseAuthority(cert, key)
	if err != nil {
		return nil, fmt.Errorf("--ca %s: %w", dir, err)
	}
	return authority, nil
}

// writeNew writes files into dir, keys readable by their owner alone, and never over a file that is there: a lost
// authority's key can't be had back. ca.crt may be there already, when it is the same.
func writeNew(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		found, err := os.ReadFile(path)
		if err == nil && string(found) != string(content) {
			return fmt.Errorf("%s is there already; remove it, or write to another directory with --out", path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, content := range files {
		mode := os.FileMode(0o644)
		if name == authorityKey || name == gatewayKey {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, mode); err != nil {
			return err
		}
	}
	return nil
}

func expiry(certPEM []byte) time.Time {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return time.Time{}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return cert.NotAfter
}
