package kube

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

// TestThousand counts what a thousand services cost: writes in the cluster that imports them, and memory of its gateway.
func TestThousand(t *testing.T) {
	w := newWorld(t, "east", "west")
	east, west := w.all[0], w.all[1]
	thousand := 1000
	if testing.Short() {
		thousand = 100
	}
	idle := west.gateways[0].memory()
	start := time.Now()
	var creating errgroup.Group
	creating.SetLimit(16)
	for i := range thousand {
		creating.Go(func() error {
			name := fmt.Sprintf("s-%d", i)
			if _, err := east.Client().CoreV1().Services("shop").Create(t.Context(), exportedService(name), metav1.CreateOptions{}); err != nil {
				return err
			}
			_, err := east.Client().DiscoveryV1().EndpointSlices("shop").Create(t.Context(), handmadeSlice(name), metav1.CreateOptions{})
			return err
		})
	}
	require.NoError(t, creating.Wait())
	made := time.Since(start)
	eventually(t, func() bool {
		services := ask[[]daemon.Service](west.gateways[0], "services")
		for _, service := range services {
			if service.VIP == "" || len(service.Clusters) != 1 || !service.Clusters[0].Eligible {
				return false
			}
		}
		return len(services) == thousand
	}, "all are imported")
	families := len(west.podIPs(0))
	written := west.writes()
	t.Logf("%d services made in %s, imported after %s with %d writes; %d MiB, %d MiB idle",
		thousand, made, time.Since(start), written, west.gateways[0].memory()>>20, idle>>20)
	require.LessOrEqual(t, written, thousand*(1+families)*11/10, "a Service, and a slice for each family, and some that have changed meanwhile")
	require.Less(t, west.gateways[0].memory(), 512<<20)

	t.Run("one that changes is written alone", func(t *testing.T) {
		before := west.writes()
		port := []byte(`[{"op":"add","path":"/spec/ports/-","value":{"name":"more","port":81}}]`)
		_, err := east.Client().CoreV1().Services("shop").Patch(t.Context(), "s-7", types.JSONPatchType, port, metav1.PatchOptions{})
		require.NoError(t, err)
		eventually(t, func() bool { return len(west.derived("s-7").Spec.Ports) == 2 }, "the port is imported")
		require.LessOrEqual(t, west.writes()-before, 1+2*families)
	})

	t.Run("a gateway that starts again writes nothing", func(t *testing.T) {
		before := west.writes()
		west.gateways[0].restart()
		eventually(t, func() bool {
			services := ask[[]daemon.Service](west.gateways[0], "services")
			return len(services) == thousand && services[0].VIP != ""
		}, "all are known again")
		require.Equal(t, before, west.writes())
	})
}

// writes returns how many requests to change something were granted to the cluster's gateways.
func (s *site) writes() (n int) {
	for _, request := range of(s.Audit(), account) {
		if request.Writes() && request.Code < 300 {
			n++
		}
	}
	return n
}

// handmadeSlice stands for what the controller of slices would make of a ready Pod.
func handmadeSlice(service string) *discoveryv1.EndpointSlice {
	name, port, ready := "http", int32(8080), true
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: service + "-made", Labels: map[string]string{discoveryv1.LabelServiceName: service, discoveryv1.LabelManagedBy: "test"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.2.3"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
	}
}

// memory returns the most that the gateway's process has had in memory, in bytes, where the system tells.
func (g *gateway) memory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.process.PID()))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, _ := strconv.Atoi(strings.Fields(after)[0])
	return kilobytes << 10
}
