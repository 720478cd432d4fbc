package demo

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// introduce tells a newcomer what runs here, and what to try in another terminal.
func introduce(e *experiment) {
	s := e.screen
	t := newTable(s)
	t.row("cluster", "gateways", "service", "name server", serviceDNS+" is there")
	for _, c := range e.mesh.Clusters {
		var names []string
		for _, g := range c.Gateways {
			names = append(names, g.ID.Name)
		}
		t.row("  "+c.Name, strings.Join(names, ", "), c.Service.String(), c.Gateways[0].DNS.String(), e.address(c.Name))
	}
	t.flush()
	s.line("")
	s.line("In each cluster a prober asks %d times a second, whatever becomes of the answers: it resolves %s,", e.Rate, serviceDNS)
	s.line("connects to the address, sends a request. The answer names the cluster that gave it. Each line below is one")
	s.line("second: the letters show who answered (e = east, w = west, n = north, ! = nobody).")
	s.line("")
	e.invite()
}

// invite prints commands that work while the demo runs.
func (e *experiment) invite() {
	first, last := e.mesh.Clusters[0], e.mesh.Clusters[len(e.mesh.Clusters)-1]
	gateway := first.Gateways[0]
	command := func(text, comment string) { e.screen.line("  %s %s", pad(text, 62), e.screen.paint(dim, "# "+comment)) }
	e.screen.line("Try in another terminal:")
	command(fmt.Sprintf("dig +short @%s -p %d %s", gateway.DNS.Addr(), gateway.DNS.Port(), serviceDNS), "the stable address of the service in "+first.Name)
	command(fmt.Sprintf("curl http://%s", e.address(first.Name)), "any cluster may answer")
	command(fmt.Sprintf("%s members --admin %s", program(e.Binary), gateway.Admin), "who is in the ring; see also links, services, events")
	var pids []string
	for _, p := range e.mesh.processes(last, false) {
		pids = append(pids, fmt.Sprint(p.PID()))
	}
	command("kill -9 "+strings.Join(pids, " "), "all of "+last.Name)
	e.screen.line("")
}

// address returns where clients of a cluster reach the service, as its gateway's name server says.
func (e *experiment) address(cluster string) string {
	return netip.AddrPortFrom(e.vips[cluster], e.mesh.Port).String()
}

// program returns what to type to run this program: its path, unless `go run` built it somewhere out of sight.
func program(binary string) string {
	if strings.Contains(binary, string(os.PathSeparator)+"go-build") {
		return "go run ./cmd/grapevine"
	}
	return binary
}

// plainly introduces nothing, for experiments that nobody watches.
func plainly(*experiment) {}

// vipOf returns the address of the sample service; the zero address where there is none.
func vipOf(services []chaos.ServiceView) netip.Addr {
	for _, s := range services {
		if s.Name == serviceName && s.Namespace == serviceSpace {
			return s.VIP
		}
	}
	return netip.Addr{}
}
