package kube

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// mesh is gateways on loopback: processes of the command that users run, configured as users configure it.
type mesh struct {
	t         *testing.T
	dir       string
	binary    string
	authority *tunnel.Authority
	gateways  []*gateway
}

// gateway is one gateway of a mesh. It outlives its process.
type gateway struct {
	mesh    *mesh
	dir     string
	listen  string // where its links come in
	admin   string
	process *chaos.Process
}

func newMesh(t *testing.T) *mesh {
	t.Helper()
	authority, err := tunnel.NewAuthority("mesh.internal", time.Now(), 365*24*time.Hour)
	require.NoError(t, err)
	return &mesh{t: t, dir: t.TempDir(), binary: testcluster.Tool(t, ".", "grapevine"), authority: authority}
}

// start makes a gateway and runs it until the test ends. It joins through those that were started before it. The keys are laid
// over its configuration file.
func (m *mesh) start(cluster registry.Cluster, name string, keys map[string]any) *gateway {
	m.t.Helper()
	g := &gateway{mesh: m, dir: filepath.Join(m.dir, string(cluster)+"-"+name), listen: freePort(m.t, "udp"), admin: freePort(m.t, "tcp")}
	require.NoError(m.t, os.Mkdir(g.dir, 0o700))
	cert, key, err := m.authority.Issue(registry.Gateway{Cluster: cluster, Name: name}, time.Now(), 365*24*time.Hour)
	require.NoError(m.t, err)
	seeds := []string{}
	for _, other := range m.gateways {
		seeds = append(seeds, other.listen)
	}
	config := map[string]any{
		"cluster": cluster, "gateway": name, "mesh": map[string]any{"listen": g.listen, "advertise": []string{g.listen}, "seeds": seeds},
		"tls": map[string]any{"ca": g.path("ca.crt"), "cert": g.path("tls.crt"), "key": g.path("tls.key")},
		"dns": map[string]any{"listen": freePort(m.t, "tcp")}, "metrics": "127.0.0.1:0", "admin": g.admin, "data": g.path("data"),
	}
	for key, value := range keys {
		config[key] = value
	}
	text, err := yaml.Marshal(config)
	require.NoError(m.t, err)
	for file, content := range map[string][]byte{"ca.crt": m.authority.CertPEM(), "tls.crt": cert, "tls.key": key, "gateway.yaml": text} {
		require.NoError(m.t, os.WriteFile(g.path(file), content, 0o600))
	}
	m.gateways = append(m.gateways, g)
	m.t.Cleanup(g.remove)
	g.start()
	return g
}

// start runs the gateway's process, for the first time or again.
func (g *gateway) start() {
	g.mesh.t.Helper()
	process, err := chaos.StartProcess(chaos.Command{
		Name: g.dir, Path: g.mesh.binary, Args: []string{"run", "-c", g.path("gateway.yaml")}, Log: g.path("log"),
	})
	require.NoError(g.mesh.t, err)
	g.process = process
	eventually(g.mesh.t, func() bool {
		require.True(g.mesh.t, process.Running(), "a gateway ended:\n%s", process.Tail(20))
		return ask[daemon.Status](g, "status").Gateway.Name != ""
	}, "the gateway answers")
}

// end ends the gateway's process: at once (SIGKILL), or as it is asked to (SIGTERM).
func (g *gateway) end(signal syscall.Signal) {
	chaos.Signal(signal, g.process)
	chaos.AwaitEnd(limit, g.process)
}

// restart has the gateway leave and come back.
func (g *gateway) restart() {
	g.mesh.t.Helper()
	g.end(syscall.SIGTERM)
	g.start()
}

func (g *gateway) remove() {
	if g.mesh.t.Failed() {
		g.mesh.t.Logf("the log of %s:\n%s", g.dir, g.process.Tail(40))
	}
	g.end(syscall.SIGKILL)
}

func (g *gateway) path(name string) string { return filepath.Join(g.dir, name) }

// ask returns what the gateway's admin API says, or nothing while it doesn't answer.
func ask[Answer any](g *gateway, about string) (answer Answer) {
	response, err := http.Get("http://" + g.admin + "/v1/" + about)
	if err != nil {
		return answer
	}
	defer response.Body.Close()
	require.NoError(g.mesh.t, json.NewDecoder(response.Body).Decode(&answer))
	return answer
}

// joined waits until every gateway sees all of them alive.
func (m *mesh) joined() {
	m.t.Helper()
	for _, g := range m.gateways {
		eventually(m.t, func() bool { return ask[daemon.Status](g, "status").Members["alive"] == len(m.gateways) }, "%s sees all", g.dir)
	}
}

// freePort returns a loopback address with a port that nobody uses, now at least.
func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		defer conn.Close()
		return conn.LocalAddr().String()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// TestMesh holds that gateways find one another here, one that was killed included, and see what the others export.
func TestMesh(t *testing.T) {
	m := newMesh(t)
	west := m.start("west", "grapevine-0", map[string]any{"vips": "127.91.0.0/16", "services": []any{map[string]any{
		"name": "web", "namespace": "shop", "export": "federated", "ports": []any{map[string]any{"port": 8080}}, "endpoints": []string{"127.0.0.1:9"},
	}}})
	east := m.start("east", "grapevine-0", map[string]any{"vips": "127.92.0.0/16"})
	m.joined()
	sees := func() bool {
		services := ask[[]daemon.Service](east, "services")
		return len(services) == 1 && len(services[0].Clusters) == 1 && services[0].Clusters[0].Cluster == "west"
	}
	eventually(t, sees, "east sees the export of west")
	west.end(syscall.SIGKILL)
	west.start()
	m.joined()
	eventually(t, sees, "east sees the export of west again")
}
