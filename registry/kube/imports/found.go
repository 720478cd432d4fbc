package imports

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// publish makes known which names can be found, and what is wrong.
func (i *Importer) publish(s *situation, o upshot) {
	own := s.ownSlices()
	inPlace := map[registry.VIPName]reached{}
	found := map[registry.VIPName]vip{}
	for _, service := range s.services {
		ours := own[service.object]
		if service.foreign || len(ours) == 0 {
			continue
		}
		// Once found a name stays so: its endpoints may change from then on, but it has some.
		at, there := i.state.inPlace[service.name]
		if now, settled := o.inPlace[service.name]; settled && !service.pending && !slices.ContainsFunc(ours, isPending) {
			at, there = now, true
		}
		if there {
			inPlace[service.name], found[service.name] = at, service.vip(at)
		}
	}
	i.state.inPlace = inPlace
	if !maps.Equal(found, *i.found.Load()) {
		i.found.Store(&found)
	}
	i.settled.Store(!slices.ContainsFunc(slices.Collect(maps.Keys(s.fronts)), func(name registry.VIPName) bool {
		_, there := found[name]
		_, wanted := s.imports[name]
		return wanted && !there && o.problems[name] == ""
	}))
	i.complain(o.problems)
}

// Settled tells whether all names that this gateway listens for can be found, but for those with a problem.
func (i *Importer) Settled() bool { return i.settled.Load() }

func isPending(s *slice) bool { return s.pending }

// vip returns the addresses behind which there are endpoints.
func (d *derived) vip(at reached) (v vip) {
	for _, ip := range d.ips {
		switch {
		case ip.Is4() && at.v4:
			v.v4 = ip
		case ip.Is6() && at.v6:
			v.v6 = ip
		}
	}
	return v
}

// complain publishes what is wrong, and logs a name's problem when it begins or changes.
func (i *Importer) complain(problems map[registry.VIPName]string) {
	var all []Problem
	for name, detail := range problems {
		all = append(all, Problem{name.String(), detail})
		if i.state.problems[name] != detail {
			i.config.Log.Error().Stringer("name", name).Str("problem", detail).Msg("service without a VIP")
		}
	}
	i.state.problems = problems
	for _, b := range []backoff{i.state.pause, i.state.backoff} {
		for about, s := range b {
			if s.err != "" {
				all = append(all, Problem{about, s.err})
			}
		}
	}
	slices.SortFunc(all, byAbout)
	i.problems.Store(&all)
}

// Recorded returns the ports that this gateway's slices say it listens on, from before it was restarted: for [Ports.Keep].
func (i *Importer) Recorded() ([]registry.Front, error) {
	s, err := i.read()
	if err != nil {
		return nil, err
	}
	var fronts []registry.Front
	for object, own := range s.ownSlices() {
		service := s.services[object]
		if service == nil || service.foreign {
			continue
		}
		for _, there := range own {
			fronts = append(fronts, i.recorded(service, there)...)
		}
	}
	return fronts, nil
}

// recorded returns those of a slice's ports that lead to this gateway. Under another address nothing leads here any more.
func (i *Importer) recorded(service *derived, own *slice) (fronts []registry.Front) {
	for _, addr := range own.addrs {
		for _, port := range own.ports {
			at := slices.IndexFunc(service.ports, func(p derivedPort) bool { return p.name == port.name })
			if at >= 0 && slices.Contains(i.config.PodIPs, addr) {
				listen := netip.AddrPortFrom(addr, port.number.Port)
				fronts = append(fronts, registry.Front{Name: service.name, Port: service.ports[at].number, Listen: listen})
			}
		}
	}
	return fronts
}
