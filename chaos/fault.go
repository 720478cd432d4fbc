package chaos

import (
	"fmt"
	"strings"
	"syscall"
)

// FaultKind is what is done to the processes of a cluster.
type FaultKind string

// The faults of processes.
const (
	FaultKill     FaultKind = "kill"     // SIGKILL for every process of the cluster at once
	FaultStop     FaultKind = "stop"     // SIGSTOP for every process, SIGCONT as the heal: a cluster that hangs
	FaultGateway  FaultKind = "gateway"  // SIGKILL for one of the cluster's gateways
	FaultGraceful FaultKind = "graceful" // SIGTERM: a planned shutdown
	FaultNone     FaultKind = "none"     // nothing: what the measurement itself costs
)

// FaultKinds returns all of them.
func FaultKinds() []FaultKind {
	return []FaultKind{FaultKill, FaultStop, FaultGateway, FaultGraceful, FaultNone}
}

// Signal returns what the processes are sent.
func (k FaultKind) Signal() syscall.Signal {
	switch k {
	case FaultStop:
		return syscall.SIGSTOP
	case FaultGraceful:
		return syscall.SIGTERM
	}
	return syscall.SIGKILL
}

// SignalName returns the name of [FaultKind.Signal].
func (k FaultKind) SignalName() string {
	switch k {
	case FaultStop:
		return "SIGSTOP"
	case FaultGraceful:
		return "SIGTERM"
	}
	return "SIGKILL"
}

// Past returns what happened, as in "west was killed".
func (k FaultKind) Past() string {
	switch k {
	case FaultStop:
		return "stopped"
	case FaultGraceful:
		return "shut down"
	}
	return "killed"
}

// Fault is what was done to a cluster.
type Fault struct {
	Cluster  string    `json:"cluster"`
	Kind     FaultKind `json:"fault"`
	At       Millis    `json:"at_ms"`
	Gone     Millis    `json:"gone_ms"`  // from the fault until the last process was gone
	Gateways []string  `json:"gateways"` // those that were hit
	Signal   string    `json:"signal"`
	PIDs     []int     `json:"pids"`
}

// Target returns what was hit: the cluster, or the one gateway.
func (f *Fault) Target() string {
	if f.Kind == FaultGateway {
		return strings.Join(f.Gateways, ", ")
	}
	return f.Cluster
}

// Title returns the fault in two words.
func (f *Fault) Title() string { return fmt.Sprintf("%s %s", f.Target(), f.Kind.Past()) }
