package demo

import (
	"fmt"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// drainWithin bounds the time that a planned shutdown may take.
const drainWithin = 30 * time.Second

// strike makes the fault.
func (e *experiment) strike(begun time.Time) {
	c := e.mesh.cluster(e.Cluster)
	h := hit{what: c.Name, cluster: c.Name, probed: true}
	for _, g := range c.Gateways {
		h.gateways = append(h.gateways, g.ID.String())
	}
	if e.Fault == chaos.FaultGateway {
		h.gateways = h.gateways[len(h.gateways)-1:]
		h.what, h.probed = h.gateways[0], false
	}
	victims := e.mesh.processes(c, e.Fault == chaos.FaultGateway)
	if h.probed {
		e.pause(c.Name)
	}
	h.at = time.Now()
	e.notices.strike(h)
	e.send(victims)
	fault := &chaos.Fault{Cluster: c.Name, Kind: e.Fault, At: chaos.MillisOf(h.at.Sub(begun)), Gateways: h.gateways, Signal: e.Fault.SignalName()}
	for _, p := range victims {
		fault.PIDs = append(fault.PIDs, p.PID())
	}
	e.story.tell(h.at, chaos.FaultEvent, "%s: %s, %s", fault.Title(), processes(len(victims)), fault.Signal)
	gone := e.awaitGone(victims)
	outage := chaos.Outage{From: h.at, Gone: gone}
	if e.Fault == chaos.FaultGraceful { // the drain is there for what comes after the signal: none of that may be cut
		outage.Gone = h.at
	}
	e.tally.SetOutage(outage)
	fault.Gone = chaos.MillisOf(gone.Sub(h.at))
	e.mu.Lock()
	e.fault = fault
	e.mu.Unlock()
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// send hits all victims in the same instant. In a planned shutdown the service goes on until the gateways have drained.
func (e *experiment) send(victims []*chaos.Process) {
	if e.Fault == chaos.FaultGraceful {
		victims = victims[:len(victims)-1]
	}
	chaos.Signal(e.Fault.Signal(), victims...)
}

// awaitGone returns when the last victim was gone, or stopped.
func (e *experiment) awaitGone(victims []*chaos.Process) time.Time {
	switch e.Fault {
	case chaos.FaultStop:
		return chaos.AwaitStop(victims...)
	case chaos.FaultGraceful:
		gateways, service := victims[:len(victims)-1], victims[len(victims)-1]
		chaos.AwaitEnd(drainWithin, gateways...)
		chaos.Signal(syscall.SIGTERM, service)
	}
	gone := chaos.AwaitEnd(drainWithin, victims...)
	for _, p := range victims {
		if _, status, _ := p.End(); e.Fault == chaos.FaultGraceful && status != "exit status 0" {
			e.story.problem("%s ended with %s after SIGTERM", p.Name, status)
		}
	}
	return gone
}
