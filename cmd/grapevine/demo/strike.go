package demo

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// drainWithin bounds the time that a planned shutdown may take.
const drainWithin = 30 * time.Second

// Aim returns the fault that Strike would make now.
func (p *stage) Aim(kind chaos.FaultKind, cluster string) (*chaos.Fault, error) {
	c := p.cluster(cluster)
	fault := &chaos.Fault{Cluster: c.Name, Kind: kind, Signal: kind.SignalName()}
	for _, g := range c.Gateways {
		fault.Gateways = append(fault.Gateways, g.ID.String())
	}
	if kind.OneGateway() {
		fault.Gateways = fault.Gateways[len(fault.Gateways)-1:]
	}
	victims := p.victims(fault)
	for _, victim := range victims {
		fault.PIDs = append(fault.PIDs, victim.PID())
	}
	fault.How = count(len(victims)) + ", " + fault.Signal
	return fault, nil
}

func (p *stage) victims(fault *chaos.Fault) []*chaos.Process {
	return p.processes(p.cluster(fault.Cluster), fault.Kind.OneGateway())
}

func count(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// Strike hits all victims in the same instant. In a planned shutdown the service goes on until the gateways have drained.
func (p *stage) Strike(_ context.Context, fault *chaos.Fault, began func(time.Time)) (time.Time, error) {
	victims := p.victims(fault)
	first := victims
	if fault.Kind == chaos.FaultGraceful {
		first = victims[:len(victims)-1]
	}
	began(time.Now())
	chaos.Signal(fault.Kind.Signal(), first...)
	switch fault.Kind {
	case chaos.FaultStop:
		return chaos.AwaitStop(victims...), nil
	case chaos.FaultGraceful:
		return p.shutDown(first, victims[len(victims)-1])
	}
	return chaos.AwaitEnd(drainWithin, victims...), nil
}

// shutDown ends the service once the gateways are gone. Every process should end by itself.
func (p *stage) shutDown(gateways []*chaos.Process, service *chaos.Process) (time.Time, error) {
	chaos.AwaitEnd(drainWithin, gateways...)
	chaos.Signal(syscall.SIGTERM, service)
	victims := append(gateways[:len(gateways):len(gateways)], service)
	gone := chaos.AwaitEnd(drainWithin, victims...)
	for _, victim := range victims {
		if _, status, _ := victim.End(); status != "exit status 0" {
			p.rude = append(p.rude, fmt.Sprintf("%s ended with %s after SIGTERM", victim.Name, status))
		}
	}
	return gone, nil
}

// Mend continues what was stopped, or starts again what was killed.
func (p *stage) Mend(_ context.Context, fault *chaos.Fault) (string, error) {
	c := p.cluster(fault.Cluster)
	if fault.Kind == chaos.FaultStop {
		stopped := p.processes(c, false)
		chaos.Signal(syscall.SIGCONT, stopped...)
		return count(len(stopped)) + ", SIGCONT", nil
	}
	started, err := p.startCluster(c)
	if err != nil {
		return "", fmt.Errorf("%s could not be started again: %w", c.Name, err)
	}
	return count(len(started)) + " started", nil
}
