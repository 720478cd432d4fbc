package stubzone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

// TestReleaseOfImage reads releases from images. What isn't sure isn't quick.
func TestReleaseOfImage(t *testing.T) {
	for image, want := range map[string]bool{
		"registry.k8s.io/coredns/coredns:v1.14.5":                                    true,
		"registry.k8s.io/coredns/coredns:v1.14.4":                                    false,
		"registry.k8s.io/coredns/coredns:v1.15.0@sha256:0123":                        true,
		"rancher/mirrored-coredns-coredns:1.12.3":                                    false,
		"602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v2.0.0-eksbuild.1": true,
		"localhost:5000/coredns":                                                     false,
		"localhost/coredns:1":                                                        false,
		"registry.k8s.io/coredns/coredns@sha256:0123":                                false,
		"registry.k8s.io/dns/k8s-dns-node-cache:1.26.4":                              false,
		"registry.k8s.io/coredns/coredns:v1.99999999999999999999.0":                  false,
		"": false,
	} {
		require.Equal(t, want, imageRelease(image).quick(), image)
	}
}

// metrics is what a Pod answers through the API server; empty: the API server doesn't reach it.
type metrics string

func (m metrics) DoRaw(context.Context) ([]byte, error) {
	if m == "" {
		return []byte("error trying to reach service"), errors.New("no route to host")
	}
	return []byte(m), nil
}

func (m metrics) Stream(context.Context) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// TestReleaseOfPods asks the Pods that run where the image doesn't tell: the oldest counts, and who doesn't answer may be older.
func TestReleaseOfPods(t *testing.T) {
	says := func(release string) string {
		return "# TYPE coredns_build_info gauge\ncoredns_build_info{goversion=\"go1.26.0\",revision=\"\",version=\"" + release + "\"} 1\n"
	}
	for _, c := range []struct {
		what  string
		image string
		pods  []string // what each answers
		want  release
	}{
		{"one", "corp/dns:7", []string{says("1.15.0")}, release{1, 15, 0}},
		{"in the midst of a rollout", "corp/dns:7", []string{says("1.15.0"), says("1.9.3"), says("1.15.0")}, release{1, 9, 3}},
		{"one doesn't answer", "corp/dns:7", []string{says("1.15.0"), ""}, release{}},
		{"no metrics of CoreDNS", "corp/dns:7", []string{"go_version{version=\"1.26.0\"} 1\n"}, release{}},
		{"none runs", "corp/dns:7", nil, release{}},
		{"the image tells", "corp/coredns:v1.14.5", []string{says("1.9.3")}, release{1, 14, 5}},
	} {
		t.Run(c.what, func(t *testing.T) {
			labels := map[string]string{"k8s-app": "kube-dns"}
			of := deployment(coreDNSName, c.image)
			of.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
			answers := make(map[string]string)
			objects := []runtime.Object{&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "pending", Labels: labels},
				Status:     corev1.PodStatus{Phase: corev1.PodPending},
			}}
			for i, answer := range c.pods {
				name := fmt.Sprintf("coredns-%d", i)
				answers[name] = answer
				objects = append(objects, &corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name, Labels: labels},
					Status:     corev1.PodStatus{Phase: corev1.PodRunning},
				})
			}
			core := fake.NewClientset(objects...)
			core.AddProxyReactor("pods", func(action clienttesting.Action) (bool, rest.ResponseWrapper, error) {
				asked := action.(clienttesting.ProxyGetAction)
				require.Equal(t, "http 9153 metrics", asked.GetScheme()+" "+asked.GetPort()+" "+asked.GetPath())
				return true, metrics(answers[asked.GetName()]), nil
			})
			require.Equal(t, c.want, coreDNSRelease(t.Context(), core, of))
		})
	}
}
