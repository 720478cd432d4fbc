package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// secret is a Kubernetes Secret of the type kubernetes.io/tls, as far as it is written here. The chart mounts it.
type secret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   secretMetadata    `json:"metadata"`
	Type       string            `json:"type"`
	Data       map[string][]byte `json:"data"` // encoded as base64, the way the API has it
}

type secretMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// issueSecrets writes a Secret for each gateway, to standard output or to a new file that its owner alone can read. It
// writes all or nothing.
func issueSecrets(stdout io.Writer, authority *tunnel.Authority, gateways []registry.Gateway, o issueOptions) error {
	var documents bytes.Buffer
	for _, g := range gateways {
		cert, key, err := authority.Issue(g, time.Now(), o.lifetime)
		if err != nil {
			return err
		}
		text, err := yaml.Marshal(secretOf(g, o.namespace, authority.CertPEM(), cert, key))
		if err != nil {
			return err
		}
		fmt.Fprintf(&documents, "---\n%s", text)
	}
	if o.out == "" {
		_, err := stdout.Write(documents.Bytes())
		return err
	}
	file, err := os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; remove it, or write to another file with --out", o.out)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(documents.Bytes())
	return errors.Join(err, file.Close())
}

// secretOf names the Secret after the gateway, which is named after its Pod: grapevine-0-tls.
func secretOf(g registry.Gateway, namespace string, ca, cert, key []byte) secret {
	return secret{
		APIVersion: "v1", Kind: "Secret", Type: "kubernetes.io/tls",
		Metadata: secretMetadata{
			Name: g.Name + "-tls", Namespace: namespace,
			Labels: map[string]string{"app.kubernetes.io/name": "grapevine"},
			Annotations: map[string]string{
				"grapevine.dev/identity": g.String(),
				"grapevine.dev/expires":  expiry(cert).UTC().Format(time.RFC3339),
			},
		},
		Data: map[string][]byte{authorityCert: ca, gatewayCert: cert, gatewayKey: key},
	}
}
