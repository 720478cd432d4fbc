package demo

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The mesh of the demo: small enough to be looked at, large enough to lose a third of.
const (
	meshName       = "demo.internal"
	gatewaysEach   = 2
	serviceName    = "web"
	serviceSpace   = "shop"
	serviceDNS     = serviceName + "." + serviceSpace + ".federated"
	servicePort    = 8080
	healthInterval = "200ms"
)

// ClusterNames returns the clusters' names, in the order in which everything is shown.
func ClusterNames() []string { return []string{"east", "west", "north"} }

// plan is who listens where. It is made before anything is started, so that every gateway's file can name the others.
type plan struct {
	Dir      string // everything that is written lies in here
	Port     uint16 // of the sample service, on its VIPs
	Clusters []*cluster
}

// cluster is a group of processes that live and die together.
type cluster struct {
	Name     string
	Service  netip.AddrPort // the sample service's process
	Gateways []*gateway     // the first one is the one that the cluster's prober asks
}

// gateway is one grapevine process.
type gateway struct {
	ID                        registry.Gateway
	Mesh, DNS, Admin, Metrics netip.AddrPort
	VIPs                      netip.Prefix
	Dir                       string // its files
}

func (g *gateway) config() string { return filepath.Join(g.Dir, "gateway.yaml") }

// newPlan gives every listener of the demo an address out of a slot.
func newPlan(dir string, s *slot) (*plan, error) {
	p := &plan{Dir: dir, Port: s.vipPort()}
	for _, name := range ClusterNames() {
		c := &cluster{Name: name}
		for n := range gatewaysEach {
			id := registry.Gateway{Cluster: registry.Cluster(name), Name: fmt.Sprintf("%c-%d", name[0], n)}
			g := &gateway{ID: id, VIPs: s.nextRange(), Dir: filepath.Join(dir, name, id.Name)}
			for _, address := range []*netip.AddrPort{&g.Mesh, &g.DNS, &g.Admin, &g.Metrics} {
				var err error
				if *address, err = s.nextPort(); err != nil {
					return nil, err
				}
			}
			c.Gateways = append(c.Gateways, g)
		}
		var err error
		if c.Service, err = s.nextPort(); err != nil {
			return nil, err
		}
		p.Clusters = append(p.Clusters, c)
	}
	return p, nil
}

func (p *plan) cluster(name string) *cluster {
	for _, c := range p.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// gateways returns those of all clusters.
func (p *plan) gateways() []*gateway {
	var all []*gateway
	for _, c := range p.Clusters {
		all = append(all, c.Gateways...)
	}
	return all
}

// seeds are where a newcomer looks for the mesh: the first gateway of each cluster, so that no single one is needed.
func (p *plan) seeds() []string {
	var seeds []string
	for _, c := range p.Clusters {
		seeds = append(seeds, c.Gateways[0].Mesh.String())
	}
	return seeds
}
