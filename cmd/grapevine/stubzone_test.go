package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes/scheme"
)

// apiServer is as much of one as `grapevine stubzone` asks: objects by path, each of which may be read and overwritten.
type apiServer map[string]map[string]any

func (s apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	object, there := s[r.URL.Path]
	switch {
	case !there:
		w.WriteHeader(http.StatusNotFound)
		object = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		written, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil) // JSON or Kubernetes' protobuf
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		text, _ := json.Marshal(written)
		object = nil
		_ = json.Unmarshal(text, &object)
		s[r.URL.Path] = object
	case r.Method == http.MethodPatch:
		object["patched"] = true
	}
	_ = json.NewEncoder(w).Encode(object)
}

const (
	coreDNSConfig = "/api/v1/namespaces/kube-system/configmaps/coredns"
	coreDNSPods   = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
)

// newAPIServer returns a server with CoreDNS and two gateways' DNS, and the kubeconfig to reach it.
func newAPIServer(t *testing.T) (apiServer, string) {
	server := apiServer{
		"/version": {"gitVersion": "v1.36.3"},
		"/api":     {"kind": "APIVersions", "versions": []string{"v1"}},
		"/apis":    {"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}},
		coreDNSConfig: {
			"kind": "ConfigMap", "apiVersion": "v1", "metadata": map[string]any{"name": "coredns", "namespace": "kube-system", "resourceVersion": "7"},
			"data": map[string]any{"Corefile": ".:53 {\n    errors\n    reload\n}\n"},
		},
		coreDNSPods: {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": map[string]any{"name": "coredns", "namespace": "kube-system"}},
		"/api/v1/namespaces/grapevine/services": {"kind": "ServiceList", "apiVersion": "v1", "items": []any{
			map[string]any{"metadata": map[string]any{"name": "grapevine-dns-0"}, "spec": map[string]any{"clusterIP": "10.96.1.5"}},
			map[string]any{"metadata": map[string]any{"name": "grapevine-dns-1"}, "spec": map[string]any{"clusterIP": "10.96.1.6"}},
		}},
	}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"east","context":{"cluster":"c"}}]}`, listening.URL)
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	return server, path
}

// runStubzone runs the command, and returns what it prints.
func runStubzone(t *testing.T, kubeconfig string, args ...string) (string, error) {
	var out bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetArgs(append([]string{"stubzone", "--kubeconfig", kubeconfig, "--context", "east"}, args...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// TestStubzone looks, does it, does it again, and takes it back.
func TestStubzone(t *testing.T) {
	server, kubeconfig := newAPIServer(t)
	corefile := func() string { return server[coreDNSConfig]["data"].(map[string]any)["Corefile"].(string) }
	before := corefile()

	out, err := runStubzone(t, kubeconfig, "--restart")
	require.NoError(t, err)
	require.Contains(t, out, "DNS of this cluster: CoreDNS\nfederated to 10.96.1.5:53, 10.96.1.6:53\n")
	require.Contains(t, out, "+        forward . 10.96.1.5 10.96.1.6 {\n")
	require.Contains(t, out, "Nothing was changed yet. With --apply it is, and CoreDNS is started anew.")
	require.Equal(t, before, corefile())

	out, err = runStubzone(t, kubeconfig, "--apply", "--restart", "-o", "json", "--zone", "federated", "--zone", "clusterset.local")
	require.NoError(t, err)
	var told struct {
		Provider           string
		Zones, To          []string
		Applied, Restarted bool
		Changes            []struct{ Object, Action, Diff string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &told))
	require.Equal(t, []string{"federated", "clusterset.local"}, told.Zones)
	require.True(t, told.Applied && told.Restarted)
	require.Len(t, told.Changes, 1)
	require.Equal(t, "configmap kube-system/coredns", told.Changes[0].Object)
	require.True(t, strings.HasPrefix(corefile(), before))
	require.Contains(t, corefile(), "federated:53 clusterset.local:53 {")
	require.Equal(t, true, server[coreDNSPods]["patched"])

	out, err = runStubzone(t, kubeconfig, "--apply", "--zone", "federated", "--zone", "clusterset.local")
	require.NoError(t, err)
	require.Contains(t, out, "Nothing to change: it is so already.")

	out, err = runStubzone(t, kubeconfig, "--remove", "--apply")
	require.NoError(t, err)
	require.Contains(t, out, "-    # grapevine: begin")
	require.Contains(t, out, "Done.")
	require.Equal(t, before, corefile())
}

// TestStubzoneByHand ends with exit code 1, and with what to do.
func TestStubzoneByHand(t *testing.T) {
	server, kubeconfig := newAPIServer(t)
	delete(server, coreDNSConfig)
	out, err := runStubzone(t, kubeconfig, "--apply")
	require.ErrorContains(t, err, "has to be told by hand")
	require.Contains(t, out, "add this block to its configuration")
	out, err = runStubzone(t, kubeconfig, "-o", "json")
	require.Error(t, err)
	require.Contains(t, out, `"by_hand": "Nothing is here`)
}
