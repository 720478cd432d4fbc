package file

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grapevine-mesh/grapevine/registry"
)

// service is an entry of the configuration, understood and valid.
type service struct {
	export    registry.Export // with nothing ready
	check     check
	endpoints []endpoint
}

// checked returns the port that checks go to, the first TCP one; false: there is none, and nothing is checked.
func (s *service) checked() (uint16, bool) {
	for _, port := range s.export.Ports {
		if port.Protocol == registry.TCP {
			return port.Port, true
		}
	}
	return 0, false
}

// Validate returns all that is wrong with the services, each with its key in the configuration.
func Validate(services []Service) error {
	_, err := parse(services)
	return err
}

func parse(written []Service) ([]service, error) {
	var wrong problems
	parsed := make([]service, 0, len(written))
	seen := map[registry.ServiceName]int{}
	for i, w := range written {
		key := fmt.Sprintf("services[%d]", i)
		s := service{
			export:    parseExport(&wrong, key, w),
			check:     parseCheck(&wrong, key+".check", w.Check),
			endpoints: parseEndpoints(&wrong, key, w),
		}
		if _, can := s.checked(); !can && w.Check != nil && len(w.Ports) > 0 {
			wrong.add(key+".check", "a service with only UDP ports isn't checked, and its endpoints count as ready: leave the check out, or add a port such as %s", portExample)
		}
		if first, twice := seen[s.export.Service]; twice && w.Name != "" {
			wrong.add(key, "%s is services[%d] already", s.export.Service, first)
		}
		seen[s.export.Service] = i
		parsed = append(parsed, s)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	for i := range parsed { // what this package forgot to look at, registry doesn't
		if err := parsed[i].export.Validate(); err != nil {
			return nil, fmt.Errorf("services[%d]: %w", i, err)
		}
	}
	return parsed, nil
}

// problems collects what is wrong, so that a user mends it all at once.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
}

// label checks one name.
func (p *problems) label(key, value, example string) {
	if value == "" {
		p.add(key, "missing, such as %s", example)
	} else if err := registry.CheckLabel(value); err != nil {
		p.add(key, "%w, such as %s", err, example)
	}
}

func parseExport(wrong *problems, key string, w Service) registry.Export {
	wrong.label(key+".name", w.Name, "web")
	wrong.label(key+".namespace", w.Namespace, "shop")
	for i, cluster := range w.AllowClusters {
		wrong.label(fmt.Sprintf("%s.allow-clusters[%d]", key, i), string(cluster), "east")
	}
	return registry.Export{
		Service:    registry.ServiceName{Namespace: w.Namespace, Name: w.Name},
		Visibility: oneOf(wrong, key+".export", w.Export, registry.Federated, registry.Mirrored, registry.Both),
		Reach:      oneOf(wrong, key+".reach", w.Reach, registry.ThroughGateway, registry.Flat),
		Affinity:   oneOf(wrong, key+".affinity", w.Affinity, registry.Local, registry.Nearest, registry.Spread),
		Weight:     w.Weight,
		Priority:   w.Priority,
		Ports:      parsePorts(wrong, key+".ports", w.Ports),
		Allow:      slices.Clone(w.AllowClusters),
	}
}

// oneOf returns the value, or the first of the choices where there is none.
func oneOf[T ~string](wrong *problems, key string, value T, choices ...T) T {
	if value == "" {
		return choices[0]
	}
	if !slices.Contains(choices, value) {
		texts := make([]string, len(choices))
		for i, choice := range choices {
			texts[i] = string(choice)
		}
		wrong.add(key, "%q: want %s", value, strings.Join(texts, " or "))
	}
	return value
}

const portExample = "{name: http, port: 8080, protocol: TCP}"

func parsePorts(wrong *problems, key string, written []registry.Port) []registry.Port {
	if len(written) == 0 {
		wrong.add(key, "missing, such as [%s]", portExample)
	}
	if len(written) > registry.MaxPorts {
		wrong.add(key, "%d ports: want %d at most", len(written), registry.MaxPorts)
		return nil
	}
	ports := slices.Clone(written)
	for i := range ports {
		port, key := &ports[i], fmt.Sprintf("%s[%d]", key, i)
		switch port.Protocol {
		case "":
			port.Protocol = registry.TCP
		case registry.TCP, registry.UDP:
		default:
			wrong.add(key+".protocol", "%q: want TCP or UDP, such as %s", port.Protocol, portExample)
		}
		if port.Port == 0 {
			wrong.add(key+".port", "want 1 to 65535, such as %s", portExample)
		}
		if port.Name != "" || len(ports) > 1 {
			wrong.label(key+".name", port.Name, portExample)
		}
		for j, other := range ports[:i] {
			if other.Number() == port.Number() || other.Name == port.Name {
				wrong.add(key, "its name or its number is that of ports[%d] already", j)
			}
		}
	}
	return ports
}
