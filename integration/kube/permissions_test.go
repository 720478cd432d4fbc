package kube

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/grapevine-mesh/grapevine/integration/kube/testcluster"
	"github.com/grapevine-mesh/grapevine/registry"
)

// A grant is one thing that a role allows, everywhere or in one namespace.
type grant struct{ verb, group, resource, namespace string }

// grants reads roles from what the chart renders.
func grants(t *testing.T, documents []byte) []grant {
	t.Helper()
	var all []grant
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), 4096)
	for {
		var role struct {
			metav1.TypeMeta
			metav1.ObjectMeta `json:"metadata"`
			Rules             []rbacv1.PolicyRule
		}
		err := decoder.Decode(&role)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all = append(all, grant{verb, rule.APIGroups[0], resource, role.Namespace})
				}
			}
		}
	}
}

func (g grant) allows(a testcluster.Access) bool {
	resource := strings.TrimSuffix(a.Resource+"/"+a.Subresource, "/")
	return g.verb == a.Verb && g.group == a.Group && g.resource == resource && (g.namespace == "" || g.namespace == a.Namespace)
}

// createdBy tells whether a request needed the grant besides what it says it is: an apply is a patch, and where it makes the
// object the API server asks whether its author may create one.
func (g grant) createdBy(r testcluster.Request) bool {
	if r.Verb != "patch" || r.Code != http.StatusCreated {
		return false
	}
	r.Verb = "create"
	return g.allows(r.Access)
}

// TestPermissions has gateways do everything that they ever ask an API server for, and holds that the chart's roles let them do it,
// and let them do nothing that nobody has needed. The audit log says what was asked for.
func TestPermissions(t *testing.T) {
	w := newProxiedWorld(t, "east")
	s := w.all[0]
	s.exported("web", 1)
	s.leadsTo("web", texts(s.addrs("web", 0))...)
	second := w.addGateway(s)
	s.SetReady("shop", "web-0", false)
	s.leadsTo("web", append(s.podIPs(0), s.podIPs(1)...)...)
	second.end(syscall.SIGKILL)
	s.leadsTo("web", s.podIPs(0)...)
	second.start()
	s.leadsTo("web", append(s.podIPs(0), s.podIPs(1)...)...)

	// An API server of today has what there is said in a watch, an older one in a list.
	for _, kind := range []string{"services", "endpointslices", "namespaces"} {
		s.proxy.Tell(testcluster.Unstreamed(kind))
		s.proxy.Cut()
		lists := testcluster.Access{Verb: "list", Resource: kind}
		eventually(t, func() bool {
			return slices.ContainsFunc(s.Audit(), func(r testcluster.Request) bool {
				lists.Group = r.Group
				return r.User == account && r.Access == lists
			})
		}, "a list of %s", kind)
	}
	s.proxy.Tell()

	f := &fixture{t: t, w: w, east: s, namespace: "mcs"}
	s.Namespace(f.namespace)
	f.hello(s)
	s.Run(testcluster.Pod{Namespace: f.namespace, Name: "hello-0", Labels: map[string]string{"app": "hello"}, Addrs: s.addrs("hello", 0)})
	f.export(s)
	f.eventually(func() bool { return len(f.slices(s)) > 0 }, "slices of the import")
	f.condition(s, "Ready", metav1.ConditionTrue, "Exported")

	for range 2 { // what is said a second time refreshes the event of the first time
		said := count(s.events(), "shop/web Warning")
		annotate(s, "web", "grapevine.dev/reach", `"nowhere"`)
		eventually(t, func() bool { return count(s.events(), "shop/web Warning") >= max(said, 1) }, "an event about the mistake")
		s.sees("web", map[registry.Cluster]uint32{})
		annotate(s, "web", "grapevine.dev/reach", "null")
		s.sees("web", map[registry.Cluster]uint32{"east": 0})
	}
	f.unexport(s)
	f.nowhere()
	f.eventually(func() bool { return len(f.slices(s)) == 0 }, "no slices of the import")
	remove(t, s.Cluster, "shop", "web")
	eventually(t, func() bool { return s.findDerived("web") == nil }, "no derived Service")
	eventually(t, func() bool {
		list, err := s.Client().DiscoveryV1().EndpointSlices(home).List(t.Context(), metav1.ListOptions{})
		return err == nil && len(list.Items) == 0
	}, "no slices of it")

	asked := of(s.Audit(), account)
	require.NotEmpty(t, asked)
	granted := grants(t, chartPermissions(t))
	for _, request := range asked {
		require.NotEqual(t, http.StatusForbidden, request.Code, "%+v", request)
		require.True(t, slices.ContainsFunc(granted, func(g grant) bool { return g.allows(request.Access) }), "%+v", request)
	}
	var unused []grant
	for _, g := range granted {
		if !slices.ContainsFunc(asked, func(r testcluster.Request) bool { return g.allows(r.Access) || g.createdBy(r) }) {
			unused = append(unused, g)
		}
	}
	require.Empty(t, unused, "nobody has needed these")
}

// events returns what the events of a cluster are about, and their types.
func (s *site) events() (all []string) {
	s.t.Helper()
	list, err := s.Client().CoreV1().Events("").List(s.t.Context(), metav1.ListOptions{})
	require.NoError(s.t, err)
	for _, event := range list.Items {
		all = append(all, event.InvolvedObject.Namespace+"/"+event.InvolvedObject.Name+" "+event.Type)
	}
	return all
}

func annotate(s *site, service, key, value string) {
	s.t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, key, value)
	_, err := s.Client().CoreV1().Services("shop").Patch(s.t.Context(), service, types.MergePatchType, patch, metav1.PatchOptions{})
	require.NoError(s.t, err)
}
