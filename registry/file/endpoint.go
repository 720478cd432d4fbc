package file

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/grapevine-mesh/grapevine/registry"
)

// endpoint is where a service's ports go: the same numbers there, or, for a service of one port number, another one.
type endpoint struct {
	addr netip.Addr
	port uint16 // 0: the same
}

// at is where one of the service's ports goes.
func (e endpoint) at(port uint16) netip.AddrPort {
	if e.port != 0 {
		port = e.port
	}
	return netip.AddrPortFrom(e.addr, port)
}

func parseEndpoints(wrong *problems, key string, w Service) []endpoint {
	if len(w.Endpoints) == 0 {
		wrong.add(key+".endpoints", "missing, such as [127.0.0.1:9001]")
	}
	if len(w.Endpoints) > registry.MaxEndpoints {
		wrong.add(key+".endpoints", "%d endpoints: want %d at most", len(w.Endpoints), registry.MaxEndpoints)
		return nil
	}
	var endpoints []endpoint
	for i, text := range w.Endpoints {
		key := fmt.Sprintf("%s.endpoints[%d]", key, i)
		e, err := parseEndpoint(text)
		one := oneNumber(w.Ports)
		if one && e.port == w.Ports[0].Port {
			e.port = 0
		}
		switch {
		case err != nil:
			wrong.add(key, "%q: want address or address:port, such as 127.0.0.1 or 127.0.0.1:9001", text)
		case e.addr.IsUnspecified() || e.addr.IsMulticast() || e.addr.Zone() != "":
			wrong.add(key, "%q: no address of one host", text)
		case e.port != 0 && len(w.Ports) > 0 && !one:
			wrong.add(key, "%q: a port, though the service has %d of them; want the address alone", text, len(w.Ports))
		case e.port != 0 && w.Reach == registry.Flat && one:
			wrong.add(key, "%q: with reach flat clients dial the service's own port %d there", text, w.Ports[0].Port)
		case slices.Contains(endpoints, e):
			wrong.add(key, "%q stands twice", text)
		}
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// oneNumber tells whether all ports, of either protocol, have the same number, such as DNS's.
func oneNumber(ports []registry.Port) bool {
	return len(ports) > 0 && !slices.ContainsFunc(ports, func(p registry.Port) bool { return p.Port != ports[0].Port })
}

func parseEndpoint(text string) (endpoint, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return endpoint{addr: addr.Unmap()}, nil
	}
	addr, err := netip.ParseAddrPort(text)
	if err == nil && addr.Port() == 0 {
		err = errors.New("port 0")
	}
	return endpoint{addr: addr.Addr().Unmap(), port: addr.Port()}, err
}
