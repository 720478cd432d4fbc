package kube

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

var webName = registry.ServiceName{Namespace: "shop", Name: "web"}

// slicesIn reads EndpointSlices of webName, one in a line: its ports, "|", and its endpoints as pod=address, pod.host=address, or
// =address where no Pod is known. After the address may stand: ,not ready; ,leaving: terminating, but serving; ,dead:
// terminating and not serving; ,unknown: without conditions.
func slicesIn(t testing.TB, text string) []*discoveryv1.EndpointSlice {
	var all []*discoveryv1.EndpointSlice
	for line := range strings.Lines(text) {
		ports, endpoints, found := strings.Cut(strings.TrimSpace(line), "|")
		if !found {
			continue
		}
		slice := sliceOf("web")
		slice.Ports = nil
		for _, port := range strings.Fields(ports) {
			name, rest, _ := strings.Cut(port, ":")
			number, protocol, _ := strings.Cut(rest, "/")
			n, err := strconv.Atoi(number)
			require.NoError(t, err, line)
			p, kind := int32(n), corev1.Protocol(protocol)
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &name, Port: &p, Protocol: &kind})
		}
		for _, field := range strings.Fields(endpoints) {
			endpoint := endpointIn(t, field)
			slice.Endpoints = append(slice.Endpoints, endpoint)
			if strings.Contains(endpoint.Addresses[0], ":") {
				slice.AddressType = discoveryv1.AddressTypeIPv6
			}
		}
		all = append(all, slice)
	}
	return all
}

func endpointIn(t testing.TB, text string) discoveryv1.Endpoint {
	who, rest, found := strings.Cut(text, "=")
	require.True(t, found, text)
	address, state, _ := strings.Cut(rest, ",")
	pod, host, named := strings.Cut(who, ".")
	yes, no := true, false
	e := discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &yes, Serving: &yes, Terminating: &no}}
	if pod != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
	}
	if named {
		e.Hostname = &host
	}
	switch state {
	case "not":
		e.Conditions = discoveryv1.EndpointConditions{Ready: &no, Serving: &no, Terminating: &no}
	case "leaving":
		e.Conditions = discoveryv1.EndpointConditions{Ready: &no, Serving: &yes, Terminating: &yes}
	case "dead":
		e.Conditions = discoveryv1.EndpointConditions{Ready: &no, Serving: &no, Terminating: &yes}
	case "unknown":
		e.Conditions = discoveryv1.EndpointConditions{}
	}
	return e
}

// spelled is an export's endpoints as text: how many are ready, where each port goes, and who is listed.
func spelled(own *registry.Own) string {
	text := fmt.Sprintf("%d ready", own.Export.Ready)
	for _, port := range own.Export.Ports {
		backends, carried := own.Backends[port.Number()]
		if !carried {
			continue
		}
		text += fmt.Sprintf("; %d/%s", port.Port, port.Protocol)
		for _, b := range backends {
			text += " " + strings.TrimPrefix(b.Hostname+"="+b.Addr.String(), "=")
		}
	}
	for i, e := range own.Export.Endpoints {
		if i == 0 {
			text += "; listed"
		}
		text += " " + strings.TrimPrefix(e.Hostname+"="+e.Addr.String(), "=")
	}
	for i, target := range own.Export.Targets {
		text += fmt.Sprintf("; %d at %d", own.Export.Ports[i].Port, target)
	}
	return text
}

func TestEndpoints(t *testing.T) {
	const (
		plain    = `{ports: [{name: http, port: 80}]}`
		headless = `{clusterIP: None, ports: [{name: http, port: 80}]}`
	)
	for _, c := range []struct {
		what    string
		service string // its spec
		reach   string
		slices  string
		want    string
	}{
		{"no slices", plain, "", ``, "0 ready; 80/TCP"},
		{"two Pods", plain, "", `http:8080/TCP | a=10.0.0.2 b=10.0.0.1`, "2 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:8080"},
		{"conditions that aren't known count as ready", plain, "", `http:8080/TCP | a=10.0.0.1,unknown`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"what isn't ready doesn't count", plain, "", `http:8080/TCP | a=10.0.0.1 b=10.0.0.2,not c=10.0.0.3,leaving`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"what still serves is there for the last callers", plain, "", `http:8080/TCP | a=10.0.0.1,dead b=10.0.0.2,not c=10.0.0.3,leaving`, "0 ready; 80/TCP 10.0.0.3:8080"},
		{"nothing serves", plain, "", `http:8080/TCP | a=10.0.0.1,dead b=10.0.0.2,not`, "0 ready; 80/TCP"},
		{"a named port has other numbers in other Pods", plain, "", `
			http:8080/TCP | a=10.0.0.1
			http:9090/TCP | b=10.0.0.2`, "2 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:9090"},
		{"a Pod in two slices while it is moved", plain, "", `
			http:8080/TCP | a=10.0.0.1,not
			http:8080/TCP | a=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"a Service with one port without a name", `{ports: [{port: 80}]}`, "", `:8080/TCP | a=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"a port that no Pod has", plain, "", `metrics:9100/TCP | a=10.0.0.1`, "0 ready; 80/TCP"},
		{"a port of another protocol", plain, "", `http:8080/UDP | a=10.0.0.1`, "0 ready; 80/TCP"},
		{"TCP, UDP and SCTP", `{ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}, {name: c, port: 99, protocol: SCTP}]}`, "",
			`a:5353/TCP b:5354/UDP c:9999/SCTP | x=10.0.0.1`, "1 ready; 53/TCP 10.0.0.1:5353; 53/UDP 10.0.0.1:5354"},
		{"ports are ready each on its own", `{ports: [{name: a, port: 1}, {name: b, port: 2}]}`, "", `
			a:11/TCP | x=10.0.0.1
			b:22/TCP | x=10.0.0.1,not y=10.0.0.2,leaving`, "1 ready; 1/TCP 10.0.0.1:11; 2/TCP 10.0.0.2:22"},
		{"both families: IPv4 first, each Pod once", plain, "", `
			http:8080/TCP | a=fd00::1 b=fd00::2
			http:8080/TCP | a=10.0.0.1 b=10.0.0.2`, "2 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:8080 [fd00::1]:8080 [fd00::2]:8080"},
		{"both families, and one Pod is ready in one", plain, "", `
			http:8080/TCP | a=fd00::1,not b=fd00::2
			http:8080/TCP | a=10.0.0.1 b=10.0.0.2`, "2 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:8080 [fd00::2]:8080"},
		{"both families, and nothing tells whose", plain, "", `
			http:8080/TCP | =fd00::1 =fd00::2 =fd00::3
			http:8080/TCP | =10.0.0.1 =10.0.0.2`, "3 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:8080 [fd00::1]:8080 [fd00::2]:8080 [fd00::3]:8080"},
		{"both families, told apart by host names", plain, "", `
			http:8080/TCP | .x=fd00::1 .y=fd00::2
			http:8080/TCP | .x=10.0.0.1`, "2 ready; 80/TCP 10.0.0.1:8080 [fd00::1]:8080 [fd00::2]:8080"},
		{"addresses that nobody may dial", plain, "", `http:8080/TCP | a=127.0.0.1 b=169.254.1.1 c=0.0.0.0 d=224.0.0.1 e=nonsense f=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"and of IPv6", plain, "", `http:8080/TCP | a=::1 b=fe80::1 c=fe80::1%eth0 d=ff02::1 e=::ffff:10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"flat: clients go there themselves", plain, "flat", `http:8080/TCP | a=10.0.0.1 b=10.0.0.2,not`, "1 ready; 80/TCP 10.0.0.1:8080; listed 10.0.0.1; 80 at 8080"},
		{"flat, at the Service's own number", plain, "flat", `http:80/TCP | a=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:80; listed 10.0.0.1"},
		{"flat, and nothing tells where", plain, "flat", ``, "0 ready; 80/TCP"},
		{"flat: of several ports", `{ports: [{name: a, port: 1}, {name: b, port: 2}]}`, "flat", `a:11/TCP b:2/TCP | x=10.0.0.1`,
			"1 ready; 1/TCP 10.0.0.1:11; 2/TCP 10.0.0.1:2; listed 10.0.0.1; 1 at 11; 2 at 2"},
		{"flat: where most of them listen, and those alone", plain, "flat", `
			http:8080/TCP | a=10.0.0.1
			http:9090/TCP | b=10.0.0.2 c=10.0.0.3`, "2 ready; 80/TCP 10.0.0.1:8080 10.0.0.2:9090 10.0.0.3:9090; listed 10.0.0.2 10.0.0.3; 80 at 9090"},
		{"flat: half of them each", plain, "flat", `
			http:9090/TCP | a=10.0.0.1
			http:8080/TCP | b=10.0.0.2`, "1 ready; 80/TCP 10.0.0.1:9090 10.0.0.2:8080; listed 10.0.0.2; 80 at 8080"},
		{"flat in both families", plain, "flat", `
			http:8080/TCP | a=10.0.0.1
			http:8080/TCP | a=fd00::1`, "1 ready; 80/TCP 10.0.0.1:8080 [fd00::1]:8080; listed 10.0.0.1 fd00::1; 80 at 8080"},
		{"host names mean something in headless Services alone", plain, "flat", `http:8080/TCP | a.web-0=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080; listed 10.0.0.1; 80 at 8080"},
		{"headless with host names", headless, "", `http:8080/TCP | a.web-0=10.0.0.1 b.web-1=10.0.0.2 c.web-2=10.0.0.3,not`,
			"2 ready; 80/TCP web-0=10.0.0.1:8080 web-1=10.0.0.2:8080; listed web-0=10.0.0.1 web-1=10.0.0.2"},
		{"headless without", headless, "", `http:8080/TCP | a=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
		{"headless and flat", headless, "flat", `http:8080/TCP | a=10.0.0.1 b.web-1=10.0.0.2`, "2 ready; 80/TCP 10.0.0.1:8080 web-1=10.0.0.2:8080; listed 10.0.0.1 web-1=10.0.0.2; 80 at 8080"},
		{"headless with a host name that is none", headless, "", `http:8080/TCP | a.Web_0=10.0.0.1`, "1 ready; 80/TCP 10.0.0.1:8080"},
	} {
		service := exporting("web")
		service.Spec = *parsed[corev1.ServiceSpec](t, c.service)
		if c.reach != "" {
			service.Annotations = map[string]string{ReachAnnotation: c.reach}
		}
		w := wish{name: webName, service: service, slices: slicesIn(t, c.slices), home: home}
		o := convert(w)
		require.NotNil(t, o.own, "%s: %v", c.what, o.verdicts)
		require.Equal(t, c.want, spelled(o.own), c.what)
		require.NoError(t, o.own.Export.Validate(), c.what)
		slices.Reverse(w.slices)
		require.Equal(t, o, convert(w), "%s: in whatever order", c.what)
	}
}

func TestManyEndpointsAreCountedNotListed(t *testing.T) {
	service, slice := exporting("web"), sliceOf("web")
	service.Annotations = map[string]string{ReachAnnotation: "flat"}
	addr := netip.MustParseAddr("10.0.0.1")
	for range 2 * registry.MaxEndpoints {
		slice.Endpoints = append(slice.Endpoints, endpointIn(t, addr.String()+"="+addr.String()))
		slice.Endpoints[len(slice.Endpoints)-1].TargetRef.Name = addr.String()
		addr = addr.Next()
	}
	own := convert(wish{name: webName, service: service, slices: []*discoveryv1.EndpointSlice{slice}}).own
	require.EqualValues(t, 2*registry.MaxEndpoints, own.Export.Ready)
	require.Len(t, own.Export.Endpoints, registry.MaxEndpoints)
	require.Len(t, own.Backends[registry.PortNumber{Port: 80, Protocol: registry.TCP}], 2*registry.MaxEndpoints)
}

// TestWishes goes through what can be written, and what is answered.
func TestWishes(t *testing.T) {
	const ports = `spec: {type: ClusterIP, ports: [{name: http, port: 80}]}`
	many := strings.TrimSuffix(strings.Repeat("{name: a, port: 80},", registry.MaxPorts+1), ",")
	for _, c := range []struct {
		what    string
		service string // empty: there is none
		export  bool
		want    string // of the first verdict; empty: there is none
	}{
		{"nobody wishes it", `{` + ports + `}`, false, ``},
		{"a label", `{metadata: {labels: {grapevine.dev/export: federated}}, ` + ports + `}`, false, `Valid: exported as federated`},
		{"mirrored", `{metadata: {labels: {grapevine.dev/export: mirrored}}, ` + ports + `}`, false, `Valid: exported as mirrored`},
		{"both", `{metadata: {labels: {grapevine.dev/export: both}}, ` + ports + `}`, false, `Valid: exported as federated and mirrored`},
		{"a ServiceExport", `{` + ports + `}`, true, `Valid: exported as federated`},
		{"a ServiceExport, and a label", `{metadata: {labels: {grapevine.dev/export: mirrored}}, ` + ports + `}`, true, `Valid: exported as federated and mirrored`},
		{"a ServiceExport, and the same label", `{metadata: {labels: {grapevine.dev/export: federated}}, ` + ports + `}`, true, `Valid: exported as federated`},
		{"a label that isn't known", `{metadata: {labels: {grapevine.dev/export: all}}, ` + ports + `}`, false,
			`InvalidAnnotation: label grapevine.dev/export: "all": want federated, mirrored or both, such as label grapevine.dev/export: "federated"`},
		{"a label that isn't known, and a ServiceExport", `{metadata: {labels: {grapevine.dev/export: ""}}, ` + ports + `}`, true,
			`InvalidAnnotation: label grapevine.dev/export: "": want federated, mirrored or both, such as label grapevine.dev/export: "federated"`},
		{"no Service", ``, true, `NoService: there is no Service web in namespace shop`},
		{"neither", ``, false, ``},
		{"ExternalName", `{spec: {type: ExternalName, externalName: example.com}}`, true,
			`InvalidServiceType: a Service of type ExternalName can't be exported: want ClusterIP (also headless), NodePort or LoadBalancer`},
		{"NodePort", `{spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}}`, true, `Valid: exported as federated`},
		{"LoadBalancer", `{spec: {type: LoadBalancer, ports: [{port: 80}]}}`, true, `Valid: exported as federated`},
		{"headless without ports", `{spec: {clusterIP: None}}`, true, `InvalidPorts: the Service has 0 ports: want 1 to 64`},
		{"too many ports", `{spec: {ports: [` + many + `]}}`, true, `InvalidPorts: the Service has 65 ports: want 1 to 64`},
		{"SCTP", `{spec: {ports: [{name: a, port: 80}, {name: s, port: 142, protocol: SCTP}]}}`, true,
			`Valid: exported as federated; SCTP is listed and not carried: port 142`},
		{"a protocol that isn't known", `{spec: {ports: [{port: 80, protocol: ICMP}]}}`, true,
			`InvalidExport: service web.shop: ports: port 80: protocol: "ICMP": want TCP, UDP or SCTP`},
		{"reach", `{metadata: {annotations: {grapevine.dev/reach: tunnel}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/reach: "tunnel": want gateway or flat, such as grapevine.dev/reach: "flat"`},
		{"weight", `{metadata: {annotations: {grapevine.dev/weight: heavy}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/weight: "heavy": want a whole number from 0 to 4294967295, such as grapevine.dev/weight: "10"`},
		{"priority", `{metadata: {annotations: {grapevine.dev/priority: "1.5"}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/priority: "1.5": want a whole number from -2147483648 to 2147483647, such as grapevine.dev/priority: "1"`},
		{"clusters", `{metadata: {annotations: {grapevine.dev/allow-clusters: "east;north"}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/allow-clusters: "east;north": want 1 to 256 names of clusters with commas between them, such as grapevine.dev/allow-clusters: "east,north"`},
		{"no clusters could mean nobody", `{metadata: {annotations: {grapevine.dev/allow-clusters: ""}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/allow-clusters: "": want 1 to 256 names of clusters with commas between them, such as grapevine.dev/allow-clusters: "east,north"`},
		{"a typing error would open it to all", `{metadata: {annotations: {grapevine.dev/allow-cluster: east}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/allow-cluster: unknown annotation: want one of grapevine.dev/affinity, grapevine.dev/allow-clusters, grapevine.dev/priority, grapevine.dev/reach, grapevine.dev/weight`},
		{"two things wrong", `{metadata: {annotations: {grapevine.dev/reach: "", grapevine.dev/weight: "-1"}}, ` + ports + `}`, true,
			`InvalidAnnotation: grapevine.dev/reach: "": want gateway or flat, such as grapevine.dev/reach: "flat"; grapevine.dev/weight: "-1": want a whole number from 0 to 4294967295, such as grapevine.dev/weight: "10"`},
	} {
		w := wish{name: webName, home: home}
		if c.service != "" {
			w.service = parsed[corev1.Service](t, c.service)
		}
		if c.export {
			w.export = serviceExport("web")
		}
		o := convert(w)
		if c.want == "" {
			require.Equal(t, conversion{}, o, c.what)
			continue
		}
		require.NotEmpty(t, o.verdicts, c.what)
		v := o.verdicts[0]
		require.Equal(t, c.want, v.Reason+": "+v.Message, c.what)
		require.Equal(t, c.export, v.ByExport, c.what)
		require.Equal(t, v.OK, o.own != nil, c.what)
		for _, other := range o.verdicts[1:] {
			other.ByExport = v.ByExport
			require.Equal(t, v, other, "%s: all are told the same", c.what)
		}
	}
}

func TestPolicy(t *testing.T) {
	service := exporting("web")
	service.Labels[ExportLabel] = "both"
	service.Annotations = map[string]string{
		ReachAnnotation: "flat", AffinityAnnotation: "spread", WeightAnnotation: "7", PriorityAnnotation: "-3",
		AllowClustersAnnotation: "north, east,north", "example.com/other": "is nobody's business here",
	}
	own := convert(wish{name: webName, service: service}).own
	require.Equal(t, registry.Export{
		Service: webName, Visibility: registry.Both, Reach: registry.Flat, Affinity: registry.Spread, Weight: 7, Priority: -3,
		Allow: []registry.Cluster{"east", "north"}, Since: born.Unix(), Ports: []registry.Port{{Name: "http", Port: 80, Protocol: registry.TCP}},
	}, own.Export)
	own = convert(wish{name: webName, service: plainService("web"), export: serviceExport("web")}).own
	require.Equal(t, registry.ThroughGateway, own.Export.Reach)
	require.Equal(t, registry.Local, own.Export.Affinity)
}

// TestServiceExportsSayMore has the fields that only a ServiceExport's service hands on.
func TestServiceExportsSayMore(t *testing.T) {
	service, export := exporting("web"), serviceExport("web")
	service.Spec = *parsed[corev1.ServiceSpec](t, `{ports: [{name: http, port: 80, appProtocol: kubernetes.io/h2c}], clusterIP: 10.96.0.1,
		sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 10}}, internalTrafficPolicy: Local,
		trafficDistribution: PreferClose, ipFamilies: [IPv4, IPv6]}`)
	export.Spec = mcsv1beta1.ServiceExportSpec{ExportedLabels: map[string]string{"a": "b"}, ExportedAnnotations: map[string]string{"c": "d"}}
	export.Labels = map[string]string{"not": "exported"}
	o := convert(wish{name: webName, service: service, export: export})
	require.Equal(t, born.Add(time.Hour).Unix(), o.own.Export.Since, "the export's age, not the Service's")
	require.Equal(t, "kubernetes.io/h2c", o.own.Export.Ports[0].AppProtocol)
	require.Equal(t, &registry.MCS{
		SessionAffinity: "ClientIP", SessionAffinitySeconds: 10, InternalTrafficPolicy: "Local", TrafficDistribution: "PreferClose",
		IPFamilies: []string{"IPv4", "IPv6"}, Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"},
	}, o.own.Export.MCS)
	require.Len(t, o.verdicts, 2, "one for the export, one for the label")

	require.Nil(t, convert(wish{name: webName, service: service}).own.Export.MCS, "nobody asks for that of a label")
	export.DeletionTimestamp = &metav1.Time{Time: born.Time}
	require.Nil(t, convert(wish{name: webName, service: service, export: export}).own.Export.MCS, "it is being deleted")
	export.DeletionTimestamp = nil

	export.Spec.ExportedAnnotations["c"] = strings.Repeat("x", maxExportedText)
	require.Equal(t, "exportedLabels and exportedAnnotations have 8195 bytes: want 8192 at most", convert(wish{name: webName, service: service, export: export}).verdicts[0].Message)
	export.Spec.ExportedAnnotations = map[string]string{strings.Repeat("x", 318): ""}
	require.Equal(t, ReasonInvalidExport, convert(wish{name: webName, service: service, export: export}).verdicts[0].Reason)
}

// FuzzConvert has anything written anywhere. Whatever it is, what comes out can be stored, and comes out the same again.
func FuzzConvert(f *testing.F) {
	f.Add("federated", "reach", "flat", "http", int32(80), "TCP", "10.0.0.1", "web-0", true)
	f.Add("both", "allow-clusters", "east,,north", "", int32(0), "SCTP", "fd00::1", "Web", false)
	f.Add("all", "weight", "18446744073709551616", "a b", int32(-1), "", "::ffff:127.0.0.1", "", true)
	f.Add("mirrored", "", "\xff", "é", int32(70000), "ICMP", "fe80::1%eth0", strings.Repeat("a", 64), false)
	f.Fuzz(func(t *testing.T, label, key, value, name string, port int32, protocol, address, hostname string, headless bool) {
		service, export, slice := exporting("web"), serviceExport("web"), sliceOf("web", address, address)
		service.Labels[ExportLabel] = label
		service.Annotations = map[string]string{annotationPrefix + key: value}
		service.Spec.Ports = []corev1.ServicePort{{Name: name, Port: port, Protocol: corev1.Protocol(protocol), AppProtocol: &value}, {Name: "http", Port: 80}}
		service.Spec.TrafficDistribution = &value
		if headless {
			service.Spec.ClusterIP = corev1.ClusterIPNone
		}
		export.Spec.ExportedLabels = map[string]string{key: value}
		kind := corev1.Protocol(protocol)
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &name, Port: &port, Protocol: &kind}, discoveryv1.EndpointPort{})
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{}, discoveryv1.Endpoint{Addresses: []string{address}, Hostname: &hostname})
		for _, export := range []*mcsv1beta1.ServiceExport{nil, export} {
			w := wish{name: webName, service: service, slices: []*discoveryv1.EndpointSlice{slice}, export: export, home: home}
			o := convert(w)
			require.Equal(t, o, convert(w))
			require.NotEmpty(t, o.verdicts)
			if o.own == nil {
				continue
			}
			require.NoError(t, o.own.Export.Validate())
			for number := range maps.Keys(o.own.Backends) {
				require.NotEqual(t, registry.SCTP, number.Protocol)
				for _, b := range o.own.Backends[number] {
					require.True(t, b.Addr.IsValid() && b.Addr.Port() > 0 && b.Addr.Addr().IsGlobalUnicast())
				}
			}
		}
	})
}
