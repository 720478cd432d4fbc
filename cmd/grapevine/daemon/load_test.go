package daemon

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
)

func TestLoadLaysFlagsOverTheFileOverTheDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(path, []byte("cluster: east\nmesh: {seeds: [a.example.com:7946], listen: '127.0.0.1:1'}\n"), 0o600))
	cfg, err := Load(path, map[string]string{"mesh.listen": "127.0.0.1:2", "gateway": "gw-0", "mesh.advertise": "192.0.2.1:7946, 192.0.2.2:7946"})
	require.NoError(t, err)
	require.Equal(t, "east", cfg.Cluster)
	require.Equal(t, "gw-0", cfg.Gateway)
	require.Equal(t, "127.0.0.1:2", cfg.Mesh.Listen, "the flag wins over the file")
	require.Equal(t, []string{"192.0.2.1:7946", "192.0.2.2:7946"}, cfg.Mesh.Advertise)
	require.Equal(t, []string{"a.example.com:7946"}, cfg.Mesh.Seeds)
	require.Equal(t, "federated", cfg.DNS.Zone, "what neither gives keeps its default")
	s, err := cfg.resolve()
	require.NoError(t, err)
	require.Equal(t, "east/gw-0", s.self.String())
}

func TestLoadNamesTheKeyThatIsWrong(t *testing.T) {
	for _, row := range []struct{ what, text, want string }{
		{"an unknown key", "cluster: east\nsedes: []\n", "sedes: unknown key"},
		{"an unknown inner key", "cluster: east\nmesh: {sedes: []}\n", "mesh.sedes: unknown key"},
		{"an unknown key in a list", "services: [{nam: web}]\n", "services[0].nam: unknown key"},
		{"a key that stands twice", "cluster: east\ncluster: west\n", `"cluster" already set`},
		{"a wrong type", "mesh: {listen: [1]}\n", "mesh.listen: is a array, want a string"},
		{"no keys at all", "just words\n", "want keys and values"},
		{"broken YAML", "a: [\n", "not valid YAML"},
	} {
		t.Run(row.what, func(t *testing.T) {
			_, err := parse([]byte(row.text), nil)
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestResolveTellsEveryMistakeWithItsKeyAndAnExample(t *testing.T) {
	cfg := Defaults()
	cfg.Gateway = "gw-0"
	cfg.Mesh.Listen = "7946"
	cfg.Mesh.Seeds = []string{"west.example.com"}
	cfg.Mesh.Advertise = []string{"0.0.0.0:7946"}
	cfg.DNS.TTL = "soon"
	cfg.VIPs = "127.80.0.0"
	cfg.TCP = "on"
	cfg.Kubernetes = KubernetesConfig{MCS: true, PodIPs: []string{"10.0.0.300"}, NodeIP: "node"}
	cfg.DNS.Clusterset = "svc.federated"
	_, err := cfg.resolve()
	for _, want := range []string{
		"cluster: missing; a valid example is `cluster: east`",
		`mesh.listen: "7946" is no address with a port; a valid example is`,
		`mesh.seeds: "west.example.com" is no host with a port`,
		"mesh.advertise: entry 0, 0.0.0.0:7946, can't be dialled",
		`dns.ttl: "soon" is no duration`,
		"dns.clusterset: \"svc.federated\" and dns.zone \"federated\": one is in the other; a valid example is `dns.clusterset: clusterset.local`",
		`vips: "127.80.0.0" is no address range`,
		`tcp: "on": want auto or off`,
		"kubernetes.mcs: without kubernetes.enabled; a valid example is `kubernetes.mcs: true`",
		`kubernetes.namespace: "": want a DNS label`,
		`kubernetes.pod-ips: "10.0.0.300" is no address of a Pod`,
		`kubernetes.node-ip: "node" is no address`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestServicesHaveOneSource(t *testing.T) {
	cfg := Defaults()
	cfg.Cluster, cfg.Gateway, cfg.Kubernetes.Enabled = "east", "gw-0", true
	cfg.Services = []file.Service{{Name: "web", Namespace: "shop", Ports: []registry.Port{{Port: 80}}, Endpoints: []string{"10.0.0.1"}}}
	_, err := cfg.resolve()
	require.ErrorContains(t, err, "services: with kubernetes.enabled services come from the cluster")
	cfg.Services = nil
	_, err = cfg.resolve()
	require.NoError(t, err)
}

func TestTheTwoZonesShareNoName(t *testing.T) {
	for _, row := range []struct {
		zone, clusterset string
		fine             bool
	}{
		{"federated", "", true},
		{"federated", "clusterset.local", true},
		{"mesh.local", "clusterset.local", true},
		{"federated", "unfederated", true},
		{"federated", "federated", false},
		{"federated", "clusterset.federated", false},
		{"mesh.clusterset.local", "clusterset.local", false},
		{"federated", "clusterset..local", false},
		{"federated", "Clusterset.local", false},
	} {
		require.Equal(t, row.fine, checkClusterset(row.clusterset, row.zone) == nil, "%+v", row)
	}
}

func TestEveryKeyOfTheFileIsAFlag(t *testing.T) {
	flags := make(map[string]bool)
	for _, key := range Keys() {
		flags[key.Path] = true
	}
	cfg, err := parse(nil, map[string]string{"services": "[{name: web}]"})
	require.NoError(t, err)
	require.Len(t, cfg.Services, 1)
	for _, path := range leaves("", reflect.TypeFor[Config]()) {
		require.True(t, flags[path], "%s has no flag", path)
	}
}

// leaves lists the keys of t that hold a value of their own, with dots between sections.
func leaves(path string, t reflect.Type) []string {
	var paths []string
	for field := range t.Fields() {
		name := join(path, nameOf(field))
		if field.Type.Kind() == reflect.Struct {
			paths = append(paths, leaves(name, field.Type)...)
		} else {
			paths = append(paths, name)
		}
	}
	return paths
}
