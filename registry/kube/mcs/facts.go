package mcs

import (
	"net/netip"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// facts is all that one look sees, and all that decides what is written.
type facts struct {
	self       registry.Cluster
	directory  *registry.Directory
	namespaces []*core.Namespace
	verdicts   []kube.Verdict
	vip        func(registry.VIPName) (v4, v6 netip.Addr)
	imports    []*mcs.ServiceImport
	slices     []*discovery.EndpointSlice // those with the labels of this API
	exports    []*mcs.ServiceExport
	now        time.Time
}

// services returns what this cluster imports, in the namespaces that it has: an import needs one, and a namespace that is
// being deleted takes no more objects.
func (f *facts) services() []imported {
	here := f.lasting()
	was := make(map[registry.ServiceName][]netip.Addr, len(f.imports))
	for _, i := range f.imports {
		if isOurs(i) {
			was[registry.ServiceName{Namespace: i.Namespace, Name: i.Name}] = addressesOf(i)
		}
	}
	var all []imported
	for s := range f.directory.Services() {
		if !here[s.Name.Namespace] {
			continue
		}
		if service, ok := importedOf(s, f.self); ok {
			service.vip = f.placed(registry.VIPName{Service: s.Name}, was[s.Name])
			all = append(all, service)
		}
	}
	return all
}

// lasting returns the namespaces that aren't on their way out.
func (f *facts) lasting() map[string]bool {
	here := make(map[string]bool, len(f.namespaces))
	for _, n := range f.namespaces {
		here[n.Name] = n.DeletionTimestamp == nil && n.Status.Phase != core.NamespaceTerminating
	}
	return here
}

// placed returns where a name leads here, or where it led before while that isn't known: at a gateway's start the objects
// that say it may be read later than ours.
func (f *facts) placed(name registry.VIPName, before []netip.Addr) []netip.Addr {
	v4, v6 := f.vip(name)
	known := slices.DeleteFunc([]netip.Addr{v4, v6}, func(a netip.Addr) bool { return !a.IsValid() })
	if len(known) == 0 {
		return before
	}
	return known
}

// endpointBefore names an endpoint in our present slices.
type endpointBefore struct {
	service  registry.ServiceName
	source   registry.Cluster
	hostname string
}

// addresses returns where the names of hosts and services lead.
func (f *facts) addresses() addressOf {
	before := map[endpointBefore][]netip.Addr{}
	for _, slice := range f.slices {
		if !isOurs(slice) {
			continue
		}
		at := endpointBefore{
			service: registry.ServiceName{Namespace: slice.Namespace, Name: slice.Labels[mcs.LabelServiceName]},
			source:  registry.Cluster(slice.Labels[mcs.LabelSourceCluster]),
		}
		for i := range slice.Endpoints {
			at.hostname = hostnameOf(&slice.Endpoints[i])
			if addr, err := netip.ParseAddr(slice.Endpoints[i].Addresses[0]); err == nil {
				before[at] = append(before[at], addr)
			}
		}
	}
	return func(name registry.VIPName, source registry.Cluster) []netip.Addr {
		return f.placed(name, before[endpointBefore{name.Service, source, name.Hostname}])
	}
}

func hostnameOf(e *discovery.Endpoint) string {
	if e.Hostname == nil {
		return ""
	}
	return *e.Hostname
}

// present returns our slices by their service. Those of a cluster that has died are among them as long as they are there,
// so that a link that flaps changes no status either.
func (f *facts) present() map[registry.ServiceName][]*discovery.EndpointSlice {
	all := map[registry.ServiceName][]*discovery.EndpointSlice{}
	for _, slice := range f.slices {
		if isOurs(slice) {
			name := registry.ServiceName{Namespace: slice.Namespace, Name: slice.Labels[mcs.LabelServiceName]}
			all[name] = append(all[name], slice)
		}
	}
	return all
}

// views returns the exports of this cluster with what decides their conditions.
func (f *facts) views() []exportView {
	verdicts := make(map[registry.ServiceName]*kube.Verdict, len(f.verdicts))
	for i, v := range f.verdicts {
		if v.ByExport {
			verdicts[v.Service] = &f.verdicts[i]
		}
	}
	here := f.lasting()
	var all []exportView
	for _, export := range f.exports {
		if export.DeletionTimestamp != nil || !here[export.Namespace] {
			continue
		}
		name := registry.ServiceName{Namespace: export.Namespace, Name: export.Name}
		service, _ := f.directory.Lookup(name)
		all = append(all, exportView{export: export, verdict: verdicts[name], service: service, self: f.self, ready: f.directory.Ready()})
	}
	return all
}
