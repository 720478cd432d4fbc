package imports

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// dnsOf is the name server of a gateway.
func dnsOf(gateway string) *nameServer {
	return &nameServer{object: gateway + "-dns", gateway: gateway, ports: []slicePort{
		{"dns", registry.PortNumber{Port: 8053, Protocol: registry.UDP}}, {"dns-tcp", registry.PortNumber{Port: 8053, Protocol: registry.TCP}},
	}}
}

// nameServer makes the Service of a gateway's name server, as the chart does.
func (l *lab) nameServer(gateway string) {
	require.NoError(l, l.tracker.Create(servicesGVR, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ourNamespace, Name: gateway + "-dns", Labels: map[string]string{kube.LabelRole: kube.RoleDNS, kube.LabelGateway: gateway},
		},
		Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.53"}, Ports: []corev1.ServicePort{
			{Name: "dns", Port: 53, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(8053)},
			{Name: "dns-tcp", Port: 53, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(8053)},
		}},
	}, ourNamespace))
}

// answering are the addresses of the gateways that answer what a gateway's name server is asked, over UDP and TCP alike.
func (l *lab) answering(gateway string) (all []string) {
	at := map[string][]netip.Addr{}
	for _, there := range l.slices() {
		if read := readSlice(&there); read.service == gateway+"-dns" {
			for _, port := range read.ports {
				at[port.name] = append(at[port.name], read.addrs...)
			}
		}
	}
	require.ElementsMatch(l, at["dns"], at["dns-tcp"])
	for _, addr := range at["dns"] {
		all = append(all, addr.String())
	}
	slices.Sort(all)
	return all
}

// TestNameServers holds that somebody answers in the name of each gateway, but for those that never were.
func TestNameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		const first, second = "10.0.0.5", "10.0.0.6"
		l.nameServer("grapevine-0")
		l.nameServer("grapevine-1")
		a := l.gateway("grapevine-0", first)
		a.serving.Store(false)
		l.written()
		defer a.stop()
		require.Empty(t, l.answering("grapevine-0"), "who can't answer yet isn't asked")
		a.serving.Store(true)
		l.written()
		require.Equal(t, []string{first}, l.answering("grapevine-0"))
		require.Equal(t, []string{first}, l.answering("grapevine-1"), "it hasn't come yet")

		b := l.gateway("grapevine-1", second)
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLive})
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive})
		l.written()
		require.Equal(t, []string{first, second}, l.answering("grapevine-1"), "for a moment both")
		time.Sleep(takeAway)
		l.written()
		require.Equal(t, []string{first}, l.answering("grapevine-0"))
		require.Equal(t, []string{second}, l.answering("grapevine-1"))

		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLeaving})
		require.NoError(t, b.Withdraw(context.Background()))
		require.Equal(t, []string{
			"patch endpointslices grapevine-1-dns-grapevine-0-v4-0", "delete-collection endpointslices " + selector("grapevine-1"),
		}, l.written(), "the other one first")
		b.stop()
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingDead})
		time.Sleep(time.Hour)
		l.written()
		require.Equal(t, []string{first}, l.answering("grapevine-1"))

		b = l.gateway("grapevine-1", "10.0.0.7")
		defer func() { b.stop() }()
		b.serving.Store(false)
		a.SetGateways(map[string]Sibling{"grapevine-1": SiblingLive})
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLive})
		time.Sleep(time.Minute)
		l.written()
		require.Equal(t, []string{first}, l.answering("grapevine-1"), "it isn't ready")
		b.serving.Store(true)
		time.Sleep(takeAway + time.Second)
		l.written()
		require.Equal(t, []string{"10.0.0.7"}, l.answering("grapevine-1"))
	})
}

// TestNameServerOfADeadGateway holds that the first of those that live answers in place of one that fell silent.
func TestNameServerOfADeadGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		a, b := pair(l)
		l.nameServer("grapevine-0")
		l.nameServer("grapevine-1")
		l.written()
		time.Sleep(takeAway)
		l.written()
		a.stop()
		defer b.stop()
		b.SetGateways(map[string]Sibling{"grapevine-0": SiblingLinkDown})
		l.written()
		require.Equal(t, []string{"10.0.0.6"}, l.answering("grapevine-0"))
		require.Equal(t, []string{"10.0.0.6"}, l.answering("grapevine-1"))
	})
}

// TestOneStandsIn holds that of several gateways the first alone answers in place of one that is away.
func TestOneStandsIn(t *testing.T) {
	s := quiet()
	s.siblings["grapevine-2"] = SiblingDead
	require.True(t, s.answersFor(dnsOf("grapevine-2")))
	s.gateway, s.siblings["grapevine-0"] = "grapevine-1", SiblingLive
	require.False(t, s.answersFor(dnsOf("grapevine-2")))
}

// TestNameServerWithASelector holds that a Service whose endpoints Kubernetes keeps is left to it.
func TestNameServerWithASelector(t *testing.T) {
	labels := map[string]string{kube.LabelRole: kube.RoleDNS, kube.LabelGateway: "grapevine-0"}
	require.NotNil(t, readNameServer(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Labels: labels}}))
	require.Nil(t, readNameServer(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "grapevine"}},
	}))
}
