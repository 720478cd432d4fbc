package contexts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// Config says where the clusters are, and what is asked there.
type Config struct {
	Contexts  []string // of kubectl, in the order in which everything is shown
	Namespace string   // of the gateways
	Service   string   // its name
	Space     string   // and namespace
	Port      uint16   // and port
	Ask       string   // the name that is resolved instead of the service's own; empty: that
	Rate      int      // requests per second in each cluster
	Kubectl   string   // the program
	Driver    string   // the program that makes faults; empty: only what kubectl can make
}

// SetContexts reads "east,west,north", or "east=kind-east,west=kind-west" as deploy/up.sh takes it; what the clusters are called is
// learnt from them.
func (c *Config) SetContexts(text string) error {
	seen := make(map[string]bool)
	for name := range strings.SplitSeq(text, ",") {
		if _, context, named := strings.Cut(name, "="); named {
			name = context
		}
		if name = strings.TrimSpace(name); name == "" || seen[name] {
			return experiment.Usagef("--contexts: %q: want different contexts, such as --contexts east,west,north", text)
		}
		seen[name] = true
		c.Contexts = append(c.Contexts, name)
	}
	if len(c.Contexts) < 2 {
		return experiment.Usagef("--contexts: %q: want at least two contexts, such as --contexts east,west,north", text)
	}
	return nil
}

// SetService reads "frontend.shop" or "frontend.shop:8080".
func (c *Config) SetService(text string) error {
	name, port, hasPort := strings.Cut(text, ":")
	service, space, _ := strings.Cut(name, ".")
	c.Service, c.Space, c.Port = service, space, 80
	if !isLabel(service) || !isLabel(space) {
		return experiment.Usagef("--service: %q: want a name and a namespace, such as --service frontend.shop or --service frontend.shop:8080", text)
	}
	if !hasPort {
		return nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return experiment.Usagef("--service: %q: want a port from 1 to 65535, such as --service %s:8080", text, name)
	}
	c.Port = uint16(number)
	return nil
}

// isLabel tells whether text can be the name of a service (RFC 1123 §2.1).
func isLabel(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && text == strings.Trim(text, "-")
}

// Name is what the probers resolve.
func (c *Config) Name() string {
	if c.Ask != "" {
		return strings.TrimSuffix(c.Ask, ".") + "."
	}
	return fmt.Sprintf("%s.%s.federated.", c.Service, c.Space)
}
