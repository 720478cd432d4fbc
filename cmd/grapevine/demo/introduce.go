package demo

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// introduce tells a newcomer what runs here, and what to try in another terminal.
func introduce(p *stage, o experiment.Options, s *experiment.Screen) {
	t := experiment.NewTable(s)
	t.Row("cluster", "gateways", "service", "name server", serviceDNS+" is there")
	for _, c := range p.plan.Clusters {
		var names []string
		for _, g := range c.Gateways {
			names = append(names, g.ID.Name)
		}
		t.Row("  "+c.Name, strings.Join(names, ", "), c.Service.String(), c.Gateways[0].DNS.String(), p.address(c.Name))
	}
	t.Flush()
	s.Line("")
	s.Line("In each cluster a prober asks %d times a second, whatever becomes of the answers: it resolves %s,", o.Rate, serviceDNS)
	s.Line("connects to the address, sends a request. The answer names the cluster that gave it. Each line below is one")
	s.Line("second: the letters show who answered (e = east, w = west, n = north, ! = nobody).")
	s.Line("")
	p.invite(s)
}

// invite prints commands that work while the demo runs.
func (p *stage) invite(s *experiment.Screen) {
	first, last := p.plan.Clusters[0], p.plan.Clusters[len(p.plan.Clusters)-1]
	gateway := first.Gateways[0]
	command := func(text, comment string) {
		s.Line("  %s %s", experiment.Pad(text, 62), s.Paint(experiment.Dim, "# "+comment))
	}
	s.Line("Try in another terminal:")
	command(fmt.Sprintf("dig +short @%s -p %d %s", gateway.DNS.Addr(), gateway.DNS.Port(), serviceDNS), "the stable address of the service in "+first.Name)
	command(fmt.Sprintf("curl http://%s", p.address(first.Name)), "any cluster may answer")
	command(fmt.Sprintf("%s members --admin %s", program(p.binary), gateway.Admin), "who is in the ring; see also links, services, events")
	var pids []string
	for _, process := range p.processes(last, false) {
		pids = append(pids, fmt.Sprint(process.PID()))
	}
	command("kill -9 "+strings.Join(pids, " "), "all of "+last.Name)
	s.Line("")
}

// address returns where clients of a cluster reach the service, as its gateway's name server says.
func (p *stage) address(cluster string) string {
	return netip.AddrPortFrom(p.vips[cluster], p.Port).String()
}

// program returns what to type to run this program: its path, unless `go run` built it somewhere out of sight.
func program(binary string) string {
	if strings.Contains(binary, string(os.PathSeparator)+"go-build") {
		return "go run ./cmd/grapevine"
	}
	return binary
}

// vipOf returns the address of the sample service; the zero address where there is none.
func vipOf(services []chaos.ServiceView) netip.Addr {
	for _, s := range services {
		if s.Name == serviceName && s.Namespace == serviceSpace {
			return s.VIP
		}
	}
	return netip.Addr{}
}
