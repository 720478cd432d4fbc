package file

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Config says which services to watch, and whom to tell.
type Config struct {
	Services []Service
	Dial     DialFunc             // required; to the endpoints, for their checks
	OnChange func([]registry.Own) // required; the whole set, sorted as configured, whenever it changed; called by Run alone
	Log      zerolog.Logger       // tells when an endpoint gets ready, and when it no longer is
}

// Source watches the endpoints of configured services.
type Source struct {
	services []service
	dial     DialFunc
	onChange func([]registry.Own)
	log      zerolog.Logger

	changed chan struct{} // a level: something changed since the last look

	mu      sync.Mutex
	health  [][]health // by service and endpoint
	version int        // of health; grows with every change worth a report
}

// New checks the configuration, and starts nothing.
func New(config Config) (*Source, error) {
	if config.Dial == nil || config.OnChange == nil {
		return nil, errors.New("services: dial and on-change functions are required")
	}
	services, err := parse(config.Services)
	if err != nil {
		return nil, err
	}
	s := &Source{
		services: services, dial: config.Dial, onChange: config.OnChange, log: config.Log,
		changed: make(chan struct{}, 1), health: make([][]health, len(services)),
	}
	for i := range services {
		s.health[i] = make([]health, len(services[i].endpoints))
	}
	return s, nil
}

// Run checks all endpoints, each on its own, and reports until ctx ends. The first report comes when every endpoint was
// checked once, which takes a timeout at most: to begin with nothing ready would withdraw, at every restart, what
// the other gateways still know to be there.
func (s *Source) Run(ctx context.Context) error {
	var checking sync.WaitGroup
	defer checking.Wait()
	for i := range s.services {
		for j := range s.services[i].endpoints {
			checking.Go(func() { s.watch(ctx, i, j) })
		}
	}
	if len(s.services) == 0 {
		s.onChange(nil)
	}
	for reported := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-s.changed:
		}
		if locals, version := s.locals(); version > reported {
			reported = version
			s.onChange(locals)
		}
	}
}

// watch checks one endpoint at its interval, beginning now. Over UDP alone there is nothing to ask: silence is a good answer
// of many services, so such an endpoint counts as ready.
func (s *Source) watch(ctx context.Context, service, endpoint int) {
	watched := &s.services[service]
	port, can := watched.checked()
	if !can {
		s.observe(service, endpoint, nil)
		return
	}
	addr := watched.endpoints[endpoint].at(port)
	ticker := time.NewTicker(watched.check.interval)
	defer ticker.Stop()
	for {
		err := watched.check.probe(ctx, s.dial, addr)
		if ctx.Err() != nil {
			return
		}
		s.observe(service, endpoint, err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Source) observe(service, endpoint int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	watched, health := &s.services[service], &s.health[service][endpoint]
	before := *health
	*health = before.after(err, watched.check)
	if health.known == before.known && health.ready == before.ready {
		return
	}
	s.log.Info().Stringer("service", watched.export.Service).Stringer("endpoint", watched.endpoints[endpoint].addr).
		Bool("ready", health.ready).AnErr("check", err).Msg("endpoint checked")
	s.version++
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// locals is the whole set as it is now, and its version; 0 while there are endpoints that weren't checked yet.
func (s *Source) locals() ([]registry.Own, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var locals []registry.Own
	for i := range s.services {
		if slices.ContainsFunc(s.health[i], func(h health) bool { return !h.known }) {
			return nil, 0
		}
		locals = append(locals, s.services[i].local(s.health[i]))
	}
	return locals, s.version
}

// local is what a service is with some of its endpoints ready. The mesh is told how many; it is told which only where
// clients elsewhere go to them themselves.
func (s *service) local(healths []health) registry.Own {
	own := registry.Own{Export: s.export, Backends: map[registry.PortNumber][]registry.Backend{}}
	for _, port := range s.export.Ports {
		own.Backends[port.Number()] = nil
	}
	for i, e := range s.endpoints {
		if !healths[i].ready {
			continue
		}
		own.Export.Ready++
		if s.export.Reach == registry.Flat {
			own.Export.Endpoints = append(own.Export.Endpoints, registry.Endpoint{Addr: e.addr})
		}
		for _, port := range s.export.Ports {
			own.Backends[port.Number()] = append(own.Backends[port.Number()], registry.Backend{Addr: e.at(port.Port)})
		}
	}
	return own
}
