package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// lifetime is that of the demo's certificates. Longer than anybody looks on.
const lifetime = 7 * 24 * time.Hour

// gatewayFile is what somebody would write by hand for a gateway outside Kubernetes.
const gatewayFile = `cluster: {{.Cluster.Name}}
gateway: {{.Gateway.ID.Name}}
mesh:
  name: {{.Mesh}}
  listen: {{.Gateway.Mesh}}
  seeds:{{range .Seeds}}
    - {{.}}{{end}}
tls: {ca: {{.Gateway.Dir}}/ca.crt, cert: {{.Gateway.Dir}}/tls.crt, key: {{.Gateway.Dir}}/tls.key}
dns: {listen: {{.Gateway.DNS}}}
vips: {{.Gateway.VIPs}}
admin: {{.Gateway.Admin}}
metrics: {{.Gateway.Metrics}}
data: {{.Gateway.Dir}}/data
services:
  - name: {{.Service}}
    namespace: {{.Namespace}}
    export: federated
    affinity: spread
    ports: [{name: http, port: {{.Port}}, protocol: TCP}]
    endpoints: [{{.Cluster.Service}}]
    check: {http: /healthz, interval: {{.Interval}}, timeout: {{.Interval}}}
`

// write writes the files of every gateway: its configuration, and an identity from a CA that lives for this demo alone and
// whose key is never written.
func (p *plan) write() error {
	authority, err := tunnel.NewAuthority(meshName, time.Now(), lifetime)
	if err != nil {
		return err
	}
	file, err := template.New("gateway").Parse(gatewayFile)
	if err != nil {
		return err
	}
	for _, c := range p.Clusters {
		for _, g := range c.Gateways {
			var config bytes.Buffer
			err := file.Execute(&config, map[string]any{
				"Cluster": c, "Gateway": g, "Mesh": meshName, "Seeds": p.seeds(), "Port": p.Port,
				"Service": serviceName, "Namespace": serviceSpace, "Interval": healthInterval,
			})
			if err != nil {
				return err
			}
			cert, key, err := authority.Issue(g.ID, time.Now(), lifetime)
			if err != nil {
				return fmt.Errorf("a certificate for %s: %w", g.ID, err)
			}
			if err := writeFiles(g.Dir, map[string][]byte{"gateway.yaml": config.Bytes(), "tls.crt": cert, "tls.key": key, "ca.crt": authority.CertPEM()}); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
