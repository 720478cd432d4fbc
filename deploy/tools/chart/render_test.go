package chart

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

const (
	gateways = "../../chart/grapevine"
	samples  = "../../samples"
)

// helm is the path of the tool, which TestMain builds.
var helm string

func TestMain(m *testing.M) {
	path, err := exec.Command("go", "tool", "-n", "helm").Output()
	if err != nil {
		panic("chart: helm can't be built: " + err.Error())
	}
	helm = strings.TrimSpace(string(path))
	os.Exit(m.Run())
}

// runHelm runs helm, with values as a file, away from any cluster and any configuration of the user's.
func runHelm(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, "values.yaml")
	require.NoError(t, os.WriteFile(file, []byte(values), 0o600))
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(helm, append(args, "--values", file)...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(home, "none")}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.New(stderr.String())
	}
	return stdout.String(), nil
}

// objects are what a chart renders to, by kind and name: "Service grapevine-0".
type objects map[string]runtime.Object

// render renders a chart and decodes every object strictly: an unknown field, or one that stands twice, fails.
func render(t *testing.T, chart, values string) objects {
	t.Helper()
	release, namespace := "grapevine", "grapevine"
	if chart == samples {
		release, namespace = "samples", "shop"
	}
	text, err := runHelm(t, values, "template", release, chart, "--namespace", namespace)
	require.NoError(t, err)
	decoder := decoder(t)
	found := make(objects)
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if !bytes.Contains(document, []byte("kind:")) {
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		require.NoError(t, err, "%s", document)
		accessor := object.(interface{ GetName() string })
		key := kind.Kind + " " + accessor.GetName()
		require.NotContains(t, found, key, "two objects of one name")
		found[key] = object
	}
}

func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, policyv1.AddToScheme, networkingv1.AddToScheme,
		monitoring.AddToScheme, certmanager.AddToScheme, mcs.Install,
	} {
		require.NoError(t, add(scheme))
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
}

// get returns an object of a kind.
func get[T runtime.Object](t *testing.T, o objects, key string) T {
	t.Helper()
	require.Contains(t, o, key)
	object, ok := o[key].(T)
	require.True(t, ok, "%s is a %T", key, o[key])
	return object
}

// all returns the objects of a type.
func all[T runtime.Object](o objects) []T {
	var found []T
	for _, object := range o {
		if object, ok := object.(T); ok {
			found = append(found, object)
		}
	}
	return found
}
