package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// installations are ways to install the gateways, each of which every general test renders.
var installations = map[string]string{
	"as it comes": `cluster: east`,
	"a laboratory": `
cluster: east
image: {repository: localhost/grapevine, tag: dev-1, pullPolicy: Never}
mesh: {expose: NodePort, nodePort: 31000, seeds: ["10.88.0.2:30946", "[2001:db8::1]:7946"]}`,
	"the host's network": `
cluster: east
mesh: {expose: HostNetwork}`,
	"everything turned on": `
cluster: east
replicas: 3
image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000", pullSecrets: [registry]}
mesh:
  name: example.com
  seeds: [gw.west.example.com:7946]
  externalTrafficPolicy: Cluster
  loadBalancer:
    class: example.com/lb
    ips: [203.0.113.1, 203.0.113.2]
    sourceRanges: [203.0.113.0/24]
    annotations: {example.com/all: "yes", example.com/one: "no"}
    perGateway: [{example.com/one: "yes"}]
dns: {zone: mesh, ttl: 10s, clusterIPs: [10.96.0.53, 10.96.0.54, 10.96.0.55], clusterset: clusterset.local}
mcs: {enabled: true}
config: {mesh: {advertise: ["203.0.113.9:7946"]}}
logLevel: debug
certManager: {enabled: true, issuerRef: {name: mesh, kind: ClusterIssuer}}
persistence: {enabled: true, storageClass: fast}
networkPolicy:
  extraSources: [{ipBlock: {cidr: 10.128.0.0/20}}]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]
metrics: {podMonitor: {enabled: true, labels: {release: prometheus}}}
serviceAccount: {annotations: {example.com/a: b}}
priorityClassName: system-cluster-critical
nodeSelector: {example.com/pool: gateways}
tolerations: [{key: example.com/gateways, operator: Exists}]
affinity: {nodeAffinity: {}}
podAnnotations: {example.com/a: b}
podLabels: {example.com/c: d}`,
	"as little as can be": `
cluster: east
replicas: 1
paused: true
rbac: {create: false}
serviceAccount: {create: false, name: theirs}
networkPolicy: {enabled: false}
podDisruptionBudget: {enabled: false}
fullnameOverride: gw`,
}

func TestChartsPassLint(t *testing.T) {
	for name, values := range installations {
		_, err := runHelm(t, values, "lint", "--strict", gateways)
		require.NoError(t, err, name)
	}
	_, err := runHelm(t, "cluster: east", "lint", "--strict", samples)
	require.NoError(t, err)
}

func TestBadValuesAreRefusedAndNamed(t *testing.T) {
	for _, row := range []struct{ values, want string }{
		{``, "cluster: missing, want this cluster's name in the mesh, such as --set cluster=east"},
		{`cluster: East`, "at '/cluster'"},
		{`{cluster: east, replica: 3}`, "additional properties 'replica' not allowed"},
		{`{cluster: east, mesh: {sedes: []}}`, "at '/mesh': additional properties 'sedes' not allowed"},
		{`{cluster: east, mesh: {seeds: [10.0.0.1]}}`, "at '/mesh/seeds/0'"},
		{`{cluster: east, mesh: {expose: Nodeport}}`, "value must be one of 'LoadBalancer', 'NodePort', 'HostNetwork'"},
		{`{cluster: east, mesh: {nodePort: 7946}}`, "at '/mesh/nodePort': minimum: got 7,946, want 30,000"},
		{`{cluster: east, mesh: {expose: NodePort}}`, "mesh.nodePort: missing, want a port of the nodes that no other cluster of the mesh uses, such as --set mesh.nodePort=30946"},
		{`{cluster: east, mesh: {expose: NodePort, nodePort: 32767}}`, "mesh.nodePort: 32767 leaves no room below 32768 for 2 gateways; want such as --set mesh.nodePort=30946"},
		{`{cluster: east, replicas: 0}`, "at '/replicas': minimum: got 0, want 1"},
		{`{cluster: east, replicas: 1, dns: {clusterIPs: [10.96.0.53, 10.96.0.54]}}`, "dns.clusterIPs: has 2 entries for 1 gateways"},
		{`{cluster: east, dns: {clusterIPs: [first]}}`, "at '/dns/clusterIPs/0'"},
		{`{cluster: east, dns: {ttl: soon}}`, "at '/dns/ttl'"},
		{`{cluster: east, image: {digest: abc}}`, "at '/image/digest'"},
		{`{cluster: east, certManager: {enabled: true}}`, "at '/certManager/issuerRef/name': minLength: got 0, want 1"},
		{`{cluster: east, config: {cluster: west}}`, "at '/config': additional properties 'cluster' not allowed"},
		{`{cluster: east, terminationGracePeriodSeconds: 5}`, "want 20"},
	} {
		_, err := runHelm(t, row.values, "template", "grapevine", gateways)
		require.ErrorContains(t, err, row.want, "%s", row.values)
	}
}

// TestEveryValueIsDescribed holds that the schema knows every value, says what it is, and takes nothing unknown.
func TestEveryValueIsDescribed(t *testing.T) {
	for _, chart := range []string{gateways, samples} {
		text, err := os.ReadFile(filepath.Join(chart, "values.schema.json"))
		require.NoError(t, err)
		var schema map[string]any
		require.NoError(t, json.Unmarshal(text, &schema))
		require.Equal(t, false, schema["additionalProperties"])
		requireDescribed(t, chart, schema["properties"])
	}
}

func requireDescribed(t *testing.T, path string, properties any) {
	t.Helper()
	for name, property := range properties.(map[string]any) {
		property := property.(map[string]any)
		require.NotEmpty(t, property["description"], "%s.%s", path, name)
		if inner, nested := property["properties"]; nested {
			require.Equal(t, false, property["additionalProperties"], "%s.%s takes unknown keys", path, name)
			requireDescribed(t, path+"."+name, inner)
		}
	}
}
