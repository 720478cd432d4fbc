package kube

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grapevine-mesh/grapevine/registry"
)

// addrs are the addresses of the i-th Pod of an app.
func (s *site) addrs(app string, i int) []netip.Addr {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(app))
	n := hash.Sum32()
	return []netip.Addr{
		netip.AddrFrom4([4]byte{10, 100 + byte(s.number), byte(n), byte(i + 1)}),
		netip.MustParseAddr(fmt.Sprintf("fd00:%d:%x::%d", 100+s.number, n%0xffff, i+1)),
	}
}

// TestLife follows one service through its life: exported, ready and not, in one cluster and two, and gone again.
func TestLife(t *testing.T) {
	w := newWorld(t, "east", "west")
	east, west := w.all[0], w.all[1]
	type ready = map[registry.Cluster]uint32

	t.Run("an exported service has an address in every cluster, in both families", func(t *testing.T) {
		east.exported("web", 1)
		west.sees("web", ready{"east": 1})
		service := west.derived("web")
		require.Len(t, service.Spec.ClusterIPs, 2)
		require.Empty(t, service.Spec.Selector)
		require.Equal(t, "tcp-80", service.Spec.Ports[0].Name)
		west.leadsTo("web", west.podIPs(0)...)
	})

	t.Run("in its own cluster it leads to its own Pods, at the port that their container calls main", func(t *testing.T) {
		pod := east.addrs("web", 0)
		want := map[string]bool{netip.AddrPortFrom(pod[0], 8080).String(): true, netip.AddrPortFrom(pod[1], 8080).String(): true}
		name := east.derived("web").Name
		eventually(t, func() bool {
			found := endpoints(t, east.Cluster, home, name)
			return len(found) == len(want) && found[netip.AddrPortFrom(pod[0], 8080).String()]
		}, "%v", want)
	})

	t.Run("where no Pod is ready, its own cluster's clients go elsewhere, and others' objects stay", func(t *testing.T) {
		before := west.written("web")
		east.SetReady("shop", "web-0", false)
		west.sees("web", ready{"east": 0})
		east.leadsTo("web", east.podIPs(0)...)
		east.SetReady("shop", "web-0", true)
		west.sees("web", ready{"east": 1})
		require.Equal(t, before, west.written("web"))
	})

	t.Run("a second cluster that exports it is counted, and the address stays", func(t *testing.T) {
		before := west.derived("web").Spec.ClusterIPs
		west.exported("web", 2)
		east.sees("web", ready{"east": 1, "west": 2})
		west.leadsTo("web", texts(append(west.addrs("web", 0), west.addrs("web", 1)...))...)
		require.Equal(t, before, west.derived("web").Spec.ClusterIPs)
		remove(t, west.Cluster, "shop", "web")
		east.sees("web", ready{"east": 1})
		west.leadsTo("web", west.podIPs(0)...)
		require.Equal(t, before, west.derived("web").Spec.ClusterIPs)
	})

	t.Run("a second gateway is one more way, until it dies", func(t *testing.T) {
		second := w.addGateway(west)
		west.leadsTo("web", append(west.podIPs(0), west.podIPs(1)...)...)
		second.end(syscall.SIGKILL)
		west.leadsTo("web", west.podIPs(0)...)
		second.start()
		west.leadsTo("web", append(west.podIPs(0), west.podIPs(1)...)...)
		second.end(syscall.SIGTERM)
		west.leadsTo("web", west.podIPs(0)...)
	})

	t.Run("what somebody deletes or changes is mended", func(t *testing.T) {
		service := west.derived("web")
		require.NoError(t, west.Client().CoreV1().Services(home).Delete(t.Context(), service.Name, metav1.DeleteOptions{}))
		eventually(t, func() bool {
			found := west.findDerived("web")
			return found != nil && found.UID != service.UID
		}, "the derived Service is back")
		changed := west.derived("web")
		changed.Spec.Ports[0].Port, changed.Spec.Selector = 81, map[string]string{"app": "other"}
		_, err := west.Client().CoreV1().Services(home).Update(t.Context(), changed, metav1.UpdateOptions{FieldManager: "somebody"})
		require.NoError(t, err)
		eventually(t, func() bool {
			spec := west.derived("web").Spec
			return len(spec.Ports) == 1 && spec.Ports[0].Port == 80 && len(spec.Selector) == 0
		}, "its port is 80 again, and it selects nothing")
		require.Equal(t, changed.Spec.ClusterIPs, west.derived("web").Spec.ClusterIPs)
	})

	t.Run("what isn't exported any more goes", func(t *testing.T) {
		unlabel := []byte(`{"metadata":{"labels":{"grapevine.dev/export":null}}}`)
		_, err := east.Client().CoreV1().Services("shop").Patch(t.Context(), "web", types.MergePatchType, unlabel, metav1.PatchOptions{})
		require.NoError(t, err)
		for _, s := range w.all {
			eventually(t, func() bool { return s.findDerived("web") == nil }, "%s has no derived Service", s.name)
			eventually(t, func() bool {
				list, err := s.Client().DiscoveryV1().EndpointSlices(home).List(t.Context(), metav1.ListOptions{LabelSelector: "grapevine.dev/service=web"})
				return err == nil && len(list.Items) == 0
			}, "%s has no slices of it", s.name)
		}
	})
}

func texts(addrs []netip.Addr) []string {
	var all []string
	for _, addr := range addrs {
		all = append(all, addr.String())
	}
	return all
}
