package stubzone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Options says what the cluster's DNS is to send where.
type Options struct {
	Zones  []string         // such as federated; all that are to be sent
	To     []netip.AddrPort // the gateways' name servers; not needed to remove
	Remove bool             // take out what is there of ours, whichever zones
}

// maxServers is how many addresses CoreDNS forwards to.
const maxServers = 15

// CheckZones returns the first thing that is wrong with zones to send.
func CheckZones(zones []string) error {
	if len(zones) == 0 {
		return errors.New("no zone: want at least one, such as --zone federated")
	}
	for i, zone := range zones {
		if len(validation.IsDNS1123Subdomain(zone)) > 0 {
			return fmt.Errorf("zone %q: want a domain name, such as --zone clusterset.local", zone)
		}
		for _, other := range zones[:i] {
			if overlap(zone, other) {
				return fmt.Errorf("zones %q and %q: one is in the other", other, zone)
			}
		}
	}
	return nil
}

// Validate returns the first thing that is wrong with o.
func (o Options) Validate() error {
	if o.Remove {
		return nil
	}
	if err := CheckZones(o.Zones); err != nil {
		return err
	}
	if len(o.To) == 0 || len(o.To) > maxServers {
		return fmt.Errorf("%d addresses to send to: want 1 to %d, such as --to 10.96.1.5,10.96.1.6", len(o.To), maxServers)
	}
	for i, to := range o.To {
		if !to.IsValid() || to.Port() == 0 || to.Addr().IsLoopback() || to.Addr().IsUnspecified() || to.Addr().IsMulticast() {
			return fmt.Errorf("address %s: nothing that a cluster's DNS can send to; want one such as --to 10.96.1.5", to)
		}
		if slices.Contains(o.To[:i], to) {
			return fmt.Errorf("address %s: stands twice", to)
		}
	}
	return nil
}

// ParseServer reads an address, with a port or without.
func ParseServer(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, dnsPort), nil
	}
	server, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q: want an address, with a port or without, such as 10.96.1.5", text)
	}
	return server, nil
}

const dnsPort = 53

// servers writes the addresses in the way of every configuration that we write, without the port that all assume.
func (o Options) servers() []string {
	var texts []string
	for _, to := range o.To {
		if to.Port() == dnsPort {
			texts = append(texts, to.Addr().String())
		} else {
			texts = append(texts, to.String())
		}
	}
	return texts
}

func overlap(a, b string) bool {
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}
