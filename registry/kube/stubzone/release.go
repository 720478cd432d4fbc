package stubzone

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A release of CoreDNS, such as 1.14.5. The zero value is one that isn't known.
type release [3]int

// quick tells whether it can be told how long to wait for an answer. An earlier one refuses to start with a configuration that
// says so.
func (r release) quick() bool { return slices.Compare(r[:], []int{1, 14, 5}) >= 0 }

var (
	releaseInImage   = regexp.MustCompile(`:v?(\d+)\.(\d+)\.(\d+)(?:[-_.][^:]*)?(?:@.*)?$`)
	releaseInMetrics = regexp.MustCompile(`(?m)^coredns_build_info\{.*\bversion="(\d+)\.(\d+)\.(\d+)"`)
)

// releaseOf reads a release from what pattern finds.
func releaseOf(pattern *regexp.Regexp, text string) (r release) {
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return release{}
	}
	for i := range r {
		n, err := strconv.Atoi(found[i+1])
		if err != nil {
			return release{}
		}
		r[i] = n
	}
	return r
}

// imageRelease reads a release from the name of an image, where that surely is one of CoreDNS.
func imageRelease(image string) release {
	if !strings.Contains(image, "coredns") {
		return release{}
	}
	return releaseOf(releaseInImage, image)
}

// How a Pod of CoreDNS is asked, where its image says nothing: through the API server, for its metrics.
const (
	metricsPort     = "9153" // of every distribution
	metricsPatience = 3 * time.Second
)

// coreDNSRelease returns the release that a Deployment runs: by its image, or the oldest that one of its Pods says it is. It isn't known
// where one of them doesn't say.
func coreDNSRelease(ctx context.Context, core kubernetes.Interface, of *appsv1.Deployment) release {
	if r := imageRelease(coreDNSImage(of)); r != (release{}) {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, metricsPatience)
	defer cancel()
	selector := metav1.FormatLabelSelector(of.Spec.Selector)
	pods, err := core.CoreV1().Pods(of.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return release{}
	}
	var running []release
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning {
			continue
		}
		text, _ := core.CoreV1().Pods(of.Namespace).ProxyGet("http", pod.Name, metricsPort, "metrics", nil).DoRaw(ctx) // none: it doesn't say
		running = append(running, releaseOf(releaseInMetrics, string(text)))
	}
	if len(running) == 0 {
		return release{}
	}
	return slices.MinFunc(running, func(a, b release) int { return slices.Compare(a[:], b[:]) })
}

func coreDNSImage(of *appsv1.Deployment) string {
	for _, container := range of.Spec.Template.Spec.Containers {
		if container.Name == coreDNSName {
			return container.Image
		}
	}
	return ""
}
