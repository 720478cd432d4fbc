package kube

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
	"github.com/grapevine-mesh/grapevine/registry"
)

// home is Grapevine's own namespace, and the name of its service account there, which audits call account.
const (
	home    = "grapevine"
	account = "system:serviceaccount:" + home + ":" + home
)

// world is clusters with a gateway each, which are one mesh.
type world struct {
	t    *testing.T
	mesh *mesh
	all  []*site
}

// site is one cluster of a world. Its gateways speak to its API server through the proxy, as a service account that may do
// what the chart lets it do.
type site struct {
	*testcluster.Cluster
	t          *testing.T
	name       registry.Cluster
	number     int
	proxy      *testcluster.Proxy
	kubeconfig string
	mcs        mcs.Interface
	gateways   []*gateway
}

func newWorld(t *testing.T, names ...registry.Cluster) *world {
	t.Helper()
	w := &world{t: t, mesh: newMesh(t)}
	permissions := chartPermissions(t)
	for i, name := range names {
		s := &site{Cluster: testcluster.New(t), t: t, name: name, number: i + 1}
		s.InstallMCS()
		s.Namespace(home)
		s.Namespace("shop")
		s.Apply(permissions)
		s.proxy = s.Proxy()
		s.kubeconfig = s.proxy.ServiceAccount(home, home)
		var err error
		s.mcs, err = mcs.NewForConfig(s.Config())
		require.NoError(t, err)
		w.all = append(w.all, s)
		w.addGateway(s)
	}
	w.mesh.joined()
	return w
}

// addGateway starts one more gateway in a cluster.
func (w *world) addGateway(s *site) *gateway {
	w.t.Helper()
	name := fmt.Sprintf("grapevine-%d", len(s.gateways))
	g := w.mesh.start(s.name, name, map[string]any{"kubernetes": map[string]any{
		"enabled": true, "namespace": home, "mcs": true, "kubeconfig": s.kubeconfig, "pod-ips": s.podIPs(len(s.gateways)),
	}})
	s.gateways = append(s.gateways, g)
	return g
}

// podIPs are what the n-th gateway's Pod is said to have: of both families where this machine has both.
func (s *site) podIPs(n int) []string {
	addrs := []string{fmt.Sprintf("10.200.%d.%d", s.number, n+1)}
	if listener, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		listener.Close()
		addrs = append(addrs, fmt.Sprintf("fd00:200:%d::%d", s.number, n+1))
	}
	return addrs
}

// chartPermissions renders the roles that the chart gives to gateways.
func chartPermissions(t *testing.T) []byte {
	t.Helper()
	cmd := exec.Command(testcluster.Tool(t, "../../deploy/tools", "helm"), "template", home, "../../deploy/chart/grapevine",
		"--namespace", home, "--set", "cluster=east", "--set", "mcs.enabled=true", "--show-only", "templates/rbac.yaml")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return out
}

// sees waits until the first gateway of s knows as many ready endpoints of a service of shop, by cluster.
func (s *site) sees(name string, ready map[registry.Cluster]uint32) {
	s.t.Helper()
	eventually(s.t, func() bool {
		return maps.Equal(ready, readyAt(ask[[]daemon.Service](s.gateways[0], "services"), name))
	}, "%s sees %v of %s", s.name, ready, name)
}

func readyAt(services []daemon.Service, name string) map[registry.Cluster]uint32 {
	ready := map[registry.Cluster]uint32{}
	for _, service := range services {
		for _, offer := range service.Clusters {
			if service.Name == name && service.Namespace == "shop" {
				ready[offer.Cluster] = offer.Ready
			}
		}
	}
	return ready
}

// derived waits for the derived Service of a service of shop.
func (s *site) derived(name string) (found *corev1.Service) {
	s.t.Helper()
	eventually(s.t, func() bool {
		found = s.findDerived(name)
		return found != nil
	}, "%s has a derived Service of %s", s.name, name)
	return found
}

// findDerived returns nil where there is none.
func (s *site) findDerived(name string) *corev1.Service {
	s.t.Helper()
	list, err := s.Client().CoreV1().Services(home).List(s.t.Context(), metav1.ListOptions{
		LabelSelector: "grapevine.dev/namespace=shop,!grapevine.dev/cluster,grapevine.dev/service=" + name,
	})
	require.NoError(s.t, err)
	require.LessOrEqual(s.t, len(list.Items), 1)
	if len(list.Items) == 0 {
		return nil
	}
	return &list.Items[0]
}

// written returns the resource version of each object that Grapevine keeps in a cluster for some services of shop: what is the
// same later wasn't written in between.
func (s *site) written(names ...string) map[string]string {
	s.t.Helper()
	versions := map[string]string{}
	for _, name := range names {
		service := s.derived(name)
		versions["Service "+service.Name] = service.ResourceVersion
		for _, slice := range s.slicesOf(service) {
			versions["EndpointSlice "+slice.Name] = slice.ResourceVersion
		}
	}
	return versions
}

func (s *site) slicesOf(service *corev1.Service) []discoveryv1.EndpointSlice {
	s.t.Helper()
	list, err := s.Client().DiscoveryV1().EndpointSlices(service.Namespace).List(s.t.Context(), metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service.Name,
	})
	require.NoError(s.t, err)
	return list.Items
}

// leadsTo waits until a derived Service has endpoints at these addresses, whatever the port, and no others.
func (s *site) leadsTo(name string, addrs ...string) {
	s.t.Helper()
	want := slices.Sorted(slices.Values(addrs))
	eventually(s.t, func() bool {
		var found []string
		if service := s.findDerived(name); service != nil {
			for _, slice := range s.slicesOf(service) {
				for _, endpoint := range slice.Endpoints {
					found = append(found, endpoint.Addresses...)
				}
			}
		}
		slices.Sort(found)
		return slices.Equal(want, slices.Compact(found))
	}, "%s of %s leads to %s", name, s.name, addrs)
}

// exported makes a Service of shop that the mesh sees, with Pods that are ready.
func (s *site) exported(name string, pods int) {
	s.t.Helper()
	create(s.t, s.Cluster, "shop", exportedService(name))
	for i := range pods {
		s.runPod(name, i)
	}
}

func exportedService(name string) *corev1.Service {
	dual := corev1.IPFamilyPolicyPreferDualStack
	made := service(name)
	made.Labels = map[string]string{"grapevine.dev/export": "federated"}
	made.Spec.Selector = map[string]string{"app": name}
	made.Spec.IPFamilyPolicy = &dual
	made.Spec.Ports[0].TargetPort.Type, made.Spec.Ports[0].TargetPort.StrVal = 1, "main"
	return made
}

func (s *site) runPod(app string, i int) {
	s.t.Helper()
	s.Run(testcluster.Pod{
		Namespace: "shop", Name: fmt.Sprintf("%s-%d", app, i), Labels: map[string]string{"app": app}, Addrs: s.addrs(app, i),
		Ports: []corev1.ContainerPort{{Name: "main", ContainerPort: 8080}},
	})
}
