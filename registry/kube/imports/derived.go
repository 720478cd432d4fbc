package imports

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// Labels of derived Services and their EndpointSlices.
const (
	labelService   = "grapevine.dev/service"
	labelNamespace = "grapevine.dev/namespace"
	labelCluster   = "grapevine.dev/cluster"  // of a mirrored service, or a host
	labelHostname  = "grapevine.dev/hostname" // of a host
)

// A derived is a derived Service, as it is or as it should be.
type derived struct {
	object   string // its name
	name     registry.VIPName
	ports    []derivedPort // ordered
	affinity SessionAffinity

	// As it is:
	foreign bool         // it isn't ours, and none of our business
	odd     bool         // something else about it isn't as it should be
	ips     []netip.Addr // its ClusterIPs
	uid     types.UID
	pending bool // just written, and not seen since
	source  any  // the cache's own
}

type derivedPort struct {
	name        string
	number      registry.PortNumber
	appProtocol string
}

// A slice is an EndpointSlice of a derived Service, as it is or as it should be: each of its addresses has all of its ports.
type slice struct {
	object  string // its name
	service string // the derived Service's
	gateway string // whose it is
	v6      bool
	ports   []slicePort  // ordered
	addrs   []netip.Addr // ordered

	// As it is:
	foreign bool
	odd     bool
	uid     types.UID
	pending bool
	source  any
}

type slicePort struct {
	name   string // the derived Service's
	number registry.PortNumber
}

// same tells whether a slice brings the same packets to the same places.
func (s *slice) same(other *slice) bool {
	return s.v6 == other.v6 && slices.Equal(s.ports, other.ports) && slices.Equal(s.addrs, other.addrs)
}

func (d *derived) same(other *derived) bool {
	return d.affinity == other.affinity && slices.Equal(d.ports, other.ports)
}

const (
	maxLabel   = 63
	hashLength = 8 // 40 bits: what two names that are cut to one text differ in
)

var hashDigits = base32.HexEncoding.WithPadding(base32.NoPadding)

// objectName returns what the derived Service of a name is called: "gv-web-shop-3k0b2c9d", or with its cluster and host
// before that. It tells a reader what it is; the hash makes it unique where the text had to be cut, and keeps it apart from
// what anybody would make by hand.
func objectName(name registry.VIPName) string {
	sum := sha256.Sum256([]byte(name.String()))
	hash := strings.ToLower(hashDigits.EncodeToString(sum[:]))[:hashLength]
	parts := []string{"gv", name.Hostname, string(name.Cluster), name.Service.Name, name.Service.Namespace}
	text := strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "-")
	return text[:min(len(text), maxLabel-1-hashLength)] + "-" + hash
}

// ownSliceName returns the n-th name that a gateway may give to its slices of a derived Service.
func ownSliceName(service, gateway string, v6 bool, n int) string {
	family := "v4"
	if v6 {
		family = "v6"
	}
	return service + "-" + gateway + "-" + family + "-" + strconv.Itoa(n)
}

// portName is what a port of a derived Service is called. It doesn't depend on what exporters call it, which they may change,
// and of which there may be two.
func portName(port registry.PortNumber) string {
	return strings.ToLower(string(port.Protocol)) + "-" + strconv.Itoa(int(port.Port))
}

func derivedLabels(name registry.VIPName) map[string]string {
	labels := map[string]string{
		kube.LabelManagedBy: kube.ManagedBy,
		labelService:        name.Service.Name,
		labelNamespace:      name.Service.Namespace,
	}
	if name.Cluster != "" {
		labels[labelCluster] = string(name.Cluster)
	}
	if name.Hostname != "" {
		labels[labelHostname] = name.Hostname
	}
	return labels
}

// nameFromLabels is what [derivedLabels] was made from.
func nameFromLabels(labels map[string]string) registry.VIPName {
	return registry.VIPName{
		Service:  registry.ServiceName{Namespace: labels[labelNamespace], Name: labels[labelService]},
		Cluster:  registry.Cluster(labels[labelCluster]),
		Hostname: labels[labelHostname],
	}
}

func compareDerivedPorts(a, b derivedPort) int {
	return cmp.Or(comparePorts(a.number, b.number), cmp.Compare(a.name, b.name))
}

func compareSlicePorts(a, b slicePort) int {
	return cmp.Or(cmp.Compare(a.name, b.name), comparePorts(a.number, b.number))
}
