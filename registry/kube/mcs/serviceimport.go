package mcs

import (
	"encoding/json"
	"hash/fnv"
	"net/netip"
	"strconv"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// serviceImport is what a service is in each namespace of its name (KEP-1645, "Importing services"). While its VIP isn't
// placed a ClusterSetIP import stands without addresses: DNS servers then say that the name exists and has no address
// yet, rather than that there is no such name, which resolvers would remember.
//
// The annotation multicluster.kubernetes.io/derived-service isn't set: those who read it look for the Service in the
// import's own namespace, and ours are in Grapevine's.
func (s *imported) serviceImport() *mcs.ServiceImport {
	texts := s.texts()
	i := &mcs.ServiceImport{
		ObjectMeta: meta.ObjectMeta{
			Namespace: s.name.Namespace, Name: s.name.Name, Labels: texts.labels, Annotations: texts.annotations,
		},
		Spec: mcs.ServiceImportSpec{Type: mcs.ClusterSetIP, Ports: importPorts(s.union.Ports)},
	}
	if s.union.Headless {
		i.Spec.Type = mcs.Headless
	} else {
		i.Spec.IPs, i.Spec.IPFamilies = importAddresses(s.vip)
	}
	importTraffic(&i.Spec, s.union.MCS)
	i.Annotations[appliedAnnotation] = hashOf(i.Labels, i.Annotations, i.Spec)
	return i
}

func importPorts(ports []registry.Port) []mcs.ServicePort {
	all := []mcs.ServicePort{}
	for _, port := range ports {
		p := mcs.ServicePort{Name: port.Name, Protocol: core.Protocol(port.Protocol), Port: int32(port.Port)}
		if port.AppProtocol != "" {
			p.AppProtocol = new(port.AppProtocol)
		}
		all = append(all, p)
	}
	return all
}

// importAddresses writes addresses and, in the same order, their families.
func importAddresses(vip []netip.Addr) (ips []string, families []core.IPFamily) {
	for _, addr := range vip {
		ips, families = append(ips, addr.String()), append(families, familyOf(addr))
	}
	return ips, families
}

// importTraffic repeats what the exported Service says of traffic; it is for those who read imports. Grapevine's own
// derived Service has its settings from elsewhere.
func importTraffic(spec *mcs.ServiceImportSpec, m *registry.MCS) {
	spec.SessionAffinity = core.ServiceAffinity(m.SessionAffinity)
	if m.SessionAffinity == string(core.ServiceAffinityClientIP) && m.SessionAffinitySeconds > 0 {
		spec.SessionAffinityConfig = &core.SessionAffinityConfig{ClientIP: &core.ClientIPConfig{TimeoutSeconds: new(m.SessionAffinitySeconds)}}
	}
	if m.InternalTrafficPolicy != "" {
		spec.InternalTrafficPolicy = new(core.ServiceInternalTrafficPolicy(m.InternalTrafficPolicy))
	}
	if m.TrafficDistribution != "" {
		spec.TrafficDistribution = new(m.TrafficDistribution)
	}
}

// addressesOf reads what [importAddresses] wrote.
func addressesOf(i *mcs.ServiceImport) []netip.Addr {
	var vip []netip.Addr
	for _, ip := range i.Spec.IPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			vip = append(vip, addr)
		}
	}
	return vip
}

// isOurs tells whether we made an object.
func isOurs(object meta.Object) bool {
	return object.GetLabels()[kube.LabelManagedBy] == kube.ManagedBy
}

// includes tells whether all of some labels or annotations are there; others may be too, and aren't ours.
func includes(have, want map[string]string) bool {
	for key, value := range want {
		if there, ok := have[key]; !ok || there != value {
			return false
		}
	}
	return true
}

// hashOf is the same for the same content, in every version of the daemon that writes it alike.
func hashOf(content ...any) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // plain values of our own
	}
	h := fnv.New64a()
	h.Write(text)
	return strconv.FormatUint(h.Sum64(), 16)
}
