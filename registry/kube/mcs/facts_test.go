package mcs

import (
	"net/netip"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// scene is a mesh as the cluster east sees it, for tests of what is decided.
type scene struct {
	self    registry.Cluster                      // zero: east
	exports map[registry.Cluster]*registry.Export // of shop/web
	dead    registry.Cluster
	unready bool
	vips    map[registry.VIPName]string
	facts   facts // what is there already
}

func (s scene) see() *facts {
	f := s.facts
	if f.self = s.self; f.self == "" {
		f.self = "east"
	}
	atlas := registry.NewAtlas(registry.Gateway{Cluster: f.self, Name: "g-0"})
	alive := map[registry.Gateway]registry.Liveness{}
	for cluster, e := range s.exports {
		g := registry.Gateway{Cluster: cluster, Name: "g-0"}
		atlas.Apply([]registry.Change{{Owner: g, Service: shopWeb, Export: e}})
		if cluster != s.dead {
			alive[g] = registry.Liveness{Alive: true, Synced: true, Link: registry.LinkUp}
		}
	}
	atlas.SetLiveness(alive)
	atlas.SetReady(!s.unready)
	f.directory = atlas.Directory()
	if f.namespaces == nil {
		f.namespaces = []*core.Namespace{{ObjectMeta: meta.ObjectMeta{Name: "shop"}}}
	}
	f.vip = func(name registry.VIPName) (v4, v6 netip.Addr) {
		addr, _ := netip.ParseAddr(s.vips[name])
		if addr.Is6() {
			return netip.Addr{}, addr
		}
		return addr, netip.Addr{}
	}
	f.now = time.Unix(1000, 0)
	return &f
}

// imported returns what shop/web is to be here, and with which slices; nil where it isn't imported.
func (s scene) imported() (*mcs.ServiceImport, []*discovery.EndpointSlice) {
	f := s.see()
	all := f.services()
	if len(all) == 0 {
		return nil, nil
	}
	i := all[0].serviceImport()
	endpoints, _ := all[0].slices(f.addresses())
	i.Status = all[0].importStatus(endpoints, 0)
	return i, endpoints
}

// conditions returns those of the ServiceExport shop/web in one of the clusters.
func (s scene) conditions(self registry.Cluster, verdict *kube.Verdict, have ...meta.Condition) map[string]meta.Condition {
	s.self = self
	s.facts.exports = []*mcs.ServiceExport{{
		ObjectMeta: meta.ObjectMeta{Namespace: "shop", Name: "web", Generation: 3}, Status: mcs.ServiceExportStatus{Conditions: have},
	}}
	if verdict != nil {
		s.facts.verdicts = []kube.Verdict{*verdict}
	}
	all := map[string]meta.Condition{}
	for _, view := range s.see().views() {
		for _, c := range view.conditions() {
			all[c.Type] = c
		}
	}
	return all
}

// told writes slices as lines such as "web from west: pod-0=10.0.0.7 tcp/TCP".
func slicesTold(all []*discovery.EndpointSlice) (lines []string) {
	for _, slice := range all {
		line := slice.Labels[mcs.LabelServiceName] + " from " + slice.Labels[mcs.LabelSourceCluster] + ":"
		for i := range slice.Endpoints {
			line += " "
			if host := hostnameOf(&slice.Endpoints[i]); host != "" {
				line += host + "="
			}
			line += slice.Endpoints[i].Addresses[0]
		}
		for _, port := range slice.Ports {
			line += " " + *port.Name + "/" + string(*port.Protocol)
		}
		lines = append(lines, line)
	}
	return lines
}
