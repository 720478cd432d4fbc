package chart

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// flagsOfRun are flags of `grapevine run` that are no keys of its configuration.
var flagsOfRun = []string{"config", "log-format", "log-level"}

func known(path string) bool {
	return slices.ContainsFunc(daemon.Keys(), func(k daemon.Key) bool { return k.Path == path })
}

func fullname(values string) string {
	if strings.Contains(values, "fullnameOverride: gw") {
		return "gw"
	}
	return "grapevine"
}

// TestTheDaemonTakesItsConfiguration gives the rendered file and flags to the daemon's own parser.
func TestTheDaemonTakesItsConfiguration(t *testing.T) {
	for name, values := range installations {
		rendered := render(t, gateways, values)
		text := get[*corev1.ConfigMap](t, rendered, "ConfigMap "+fullname(values)).Data["gateway.yaml"]
		overrides := flags(t, container(t, rendered).Args)
		kubelet := strings.NewReplacer("$(POD_NAME)", fullname(values)+"-0", "$(POD_IPS)", "10.11.0.7,fd00:11::7", "$(NODE_IP)", "192.0.2.10")
		for path, value := range overrides {
			overrides[path] = kubelet.Replace(value)
			require.NotContains(t, overrides[path], "$(", "not in the container's environment")
		}
		cfg := load(t, text, overrides)
		require.Equal(t, "east", cfg.Cluster, name)
		require.Equal(t, fullname(values)+"-0", cfg.Gateway, name)
		require.True(t, cfg.Kubernetes.Enabled, name)
		require.NoError(t, cfg.Validate(), name)
		require.Equal(t, fullname(values)+".grapevine.svc:7946", cfg.Mesh.Seeds[0], "the gateways of a cluster find one another: %s", name)
	}
}

func load(t *testing.T, text string, overrides map[string]string) daemon.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	cfg, err := daemon.Load(file, overrides)
	require.NoError(t, err)
	return cfg
}

// flags returns the container's arguments as the keys that they set.
func flags(t *testing.T, args []string) map[string]string {
	t.Helper()
	require.Equal(t, "run", args[0])
	overrides := make(map[string]string)
	for _, arg := range args[1:] {
		path, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		require.True(t, known(path) || slices.Contains(flagsOfRun, path), "no flag of grapevine run: %s", arg)
		if !slices.Contains(flagsOfRun, path) {
			overrides[path] = value
		}
	}
	return overrides
}

func container(t *testing.T, o objects) corev1.Container {
	t.Helper()
	return statefulSet(t, o).Spec.Template.Spec.Containers[0]
}

func statefulSet(t *testing.T, o objects) *appsv1.StatefulSet {
	t.Helper()
	sets := all[*appsv1.StatefulSet](o)
	require.Len(t, sets, 1)
	return sets[0]
}

// TestFurtherKeysOfTheConfigurationAreTheDaemons holds that `config` offers what the daemon has and the chart doesn't own.
func TestFurtherKeysOfTheConfigurationAreTheDaemons(t *testing.T) {
	owned := []string{"cluster", "gateway", "tls", "metrics", "data", "vips", "services"}
	for _, key := range daemon.Keys() {
		section, _, _ := strings.Cut(key.Path, ".")
		value := "{}"
		if section == key.Path {
			value = "text"
		}
		_, err := runHelm(t, "{cluster: east, config: {"+section+": "+value+"}}", "template", "grapevine", gateways)
		if slices.Contains(owned, section) {
			require.ErrorContains(t, err, "additional properties", section)
		} else {
			require.NoError(t, err, section)
		}
	}
}

// TestAnotherConfigurationRestartsTheGateways: the daemon reads its file once.
func TestAnotherConfigurationRestartsTheGateways(t *testing.T) {
	checksum := func(values string) string {
		return statefulSet(t, render(t, gateways, values)).Spec.Template.Annotations["grapevine.dev/config"]
	}
	before := checksum("{cluster: east}")
	require.NotEmpty(t, before)
	require.Equal(t, before, checksum("{cluster: east, replicas: 3}"))
	require.NotEqual(t, before, checksum(`{cluster: east, mesh: {seeds: ["10.0.0.1:7946"]}}`))
}

// TestThereIsTimeToLeave: SIGTERM drains, for Grace at most, and the peers are told before and after.
func TestThereIsTimeToLeave(t *testing.T) {
	pod := statefulSet(t, render(t, gateways, "cluster: east")).Spec.Template.Spec
	require.Greater(t, time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second, daemon.Grace+5*time.Second)
}

// TestEachGatewayFindsItsOwnCertificate follows the flags into the projected volume, and from there to the Secrets.
func TestEachGatewayFindsItsOwnCertificate(t *testing.T) {
	rendered := render(t, gateways, "{cluster: east, replicas: 3}")
	set := statefulSet(t, rendered)
	files := make(map[string]string) // path in the volume → key of which Secret
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.Name != "tls" {
			continue
		}
		for _, source := range volume.Projected.Sources {
			require.True(t, *source.Secret.Optional, "a missing Secret stops only the gateway that needs it")
			for _, item := range source.Secret.Items {
				files["/tls/"+item.Path] = source.Secret.Name + " " + item.Key
			}
		}
	}
	given := flags(t, container(t, rendered).Args)
	for _, pod := range []string{"grapevine-0", "grapevine-1", "grapevine-2"} {
		for flag, key := range map[string]string{"tls.ca": "ca.crt", "tls.cert": "tls.crt", "tls.key": "tls.key"} {
			path := strings.ReplaceAll(given[flag], "$(POD_NAME)", pod)
			require.Equal(t, pod+"-tls "+key, files[path])
		}
	}
}

// TestCertManagerIssuesWhatTheAuthorityWould compares the request with a certificate of `grapevine ca issue`.
func TestCertManagerIssuesWhatTheAuthorityWould(t *testing.T) {
	rendered := render(t, gateways, installations["everything turned on"])
	authority, err := tunnel.NewAuthority("example.com", time.Now(), time.Hour)
	require.NoError(t, err)
	for _, pod := range []string{"grapevine-0", "grapevine-1", "grapevine-2"} {
		request := get[*certmanager.Certificate](t, rendered, "Certificate "+pod).Spec
		issued, _, err := authority.Issue(registry.Gateway{Cluster: "east", Name: pod}, time.Now(), time.Hour)
		require.NoError(t, err)
		block, _ := pem.Decode(issued)
		certificate, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		require.Equal(t, []string{certificate.URIs[0].String()}, request.URIs)
		require.Equal(t, pod+"-tls", request.SecretName)
		require.ElementsMatch(t, []certmanager.KeyUsage{certmanager.UsageDigitalSignature, certmanager.UsageServerAuth, certmanager.UsageClientAuth}, request.Usages)
	}
}

func TestNotesSayWhatToDoNext(t *testing.T) {
	notes := func(values string) string {
		text, err := runHelm(t, values, "install", "grapevine", gateways, "--namespace", "grapevine", "--dry-run=client")
		require.NoError(t, err)
		_, text, found := strings.Cut(text, "NOTES:")
		require.True(t, found)
		return text
	}
	plain := notes("cluster: east")
	require.Contains(t, plain, "--gateway east/grapevine-0,east/grapevine-1 | kubectl apply -f -")
	require.Contains(t, plain, "grapevine stubzone --context $(kubectl config current-context) --apply --restart")
	require.Contains(t, plain, "get services -l grapevine.dev/role=mesh")
	require.Contains(t, notes(installations["a laboratory"]), "port 31000, 31001/UDP of any node")
	require.Contains(t, notes(installations["the host's network"]), "pod-security.kubernetes.io/enforce=privileged")
	require.Contains(t, notes(installations["everything turned on"]), "cert-manager's ClusterIssuer mesh")
	require.Contains(t, notes(installations["as little as can be"]), "paused")
}
