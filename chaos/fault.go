package chaos

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// FaultKind is what is done to a cluster.
type FaultKind string

// The faults. Those from [FaultGateways] on need a network, or Kubernetes, between the clusters.
const (
	FaultKill       FaultKind = "kill"        // everything of the cluster ends in the same instant: SIGKILL, or its nodes lose power
	FaultStop       FaultKind = "stop"        // everything is frozen: a cluster that hangs
	FaultGateway    FaultKind = "gateway"     // one of the cluster's gateways is killed
	FaultGraceful   FaultKind = "graceful"    // a planned shutdown
	FaultNone       FaultKind = "none"        // nothing: what the measurement itself costs
	FaultGateways   FaultKind = "gateways"    // all gateways of the cluster are killed, its other workloads aren't
	FaultOwnGateway FaultKind = "own-gateway" // as gateway, but judged by what the cluster's own clients lose
	FaultCut        FaultKind = "cut"         // nothing passes between the cluster and the others
	FaultCutIn      FaultKind = "cut-in"      // nothing from the others reaches the cluster
	FaultCutOut     FaultKind = "cut-out"     // nothing from the cluster reaches the others
	FaultLoss30     FaultKind = "loss30"      // three in ten packets between the cluster and the others are lost
	FaultRoll       FaultKind = "roll"        // the gateways are restarted one after the other, as an upgrade does
	FaultAPIServer  FaultKind = "apiserver"   // the API server alone is away
)

// FaultKinds returns those that processes on one machine can suffer.
func FaultKinds() []FaultKind {
	return []FaultKind{FaultKill, FaultStop, FaultGateway, FaultGraceful, FaultNone}
}

// ClusterFaultKinds returns those that clusters of Kubernetes can suffer.
func ClusterFaultKinds() []FaultKind {
	return append(FaultKinds(), FaultGateways, FaultOwnGateway, FaultCut, FaultCutIn, FaultCutOut, FaultLoss30, FaultRoll, FaultAPIServer)
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

// OneGateway tells whether the cluster loses one gateway and keeps another.
func (k FaultKind) OneGateway() bool { return k == FaultGateway || k == FaultOwnGateway }

// Silences tells whether the cluster's own clients are gone, or have no gateway left to ask.
func (k FaultKind) Silences() bool {
	return slices.Contains([]FaultKind{FaultKill, FaultStop, FaultGraceful, FaultGateways}, k)
}

// Separates tells whether gateways are lost to the others: those have to notice it, and that they are back.
func (k FaultKind) Separates() bool {
	return k.Silences() || k.OneGateway() || slices.Contains([]FaultKind{FaultCut, FaultCutIn, FaultCutOut}, k)
}

// Target returns what is hit, where it doesn't matter which gateway it is.
func (k FaultKind) Target(cluster string) string {
	switch k {
	case FaultGateway, FaultOwnGateway:
		return "a gateway of " + cluster
	case FaultGateways:
		return "each gateway of " + cluster
	case FaultRoll:
		return "each gateway of " + cluster
	case FaultAPIServer:
		return "the API server of " + cluster
	}
	return cluster
}

// Past returns what happened, as in "west was killed".
func (k FaultKind) Past() string {
	switch k {
	case FaultStop, FaultAPIServer:
		return "stopped"
	case FaultGraceful:
		return "shut down"
	case FaultCut:
		return "cut off"
	case FaultCutIn:
		return "cut off from what the others send"
	case FaultCutOut:
		return "cut off from what it sends the others"
	case FaultLoss30:
		return "given 30 % of loss"
	case FaultRoll:
		return "restarted"
	}
	return "killed"
}

// Fault is what was done to a cluster.
type Fault struct {
	Cluster  string    `json:"cluster"`
	Kind     FaultKind `json:"fault"`
	At       Millis    `json:"at_ms"`
	Gone     Millis    `json:"gone_ms"`  // from the fault until all of it had happened: the last process was gone, the last packet cut
	Gateways []string  `json:"gateways"` // those that were hit
	Signal   string    `json:"signal,omitempty"`
	PIDs     []int     `json:"pids,omitempty"`
	How      string    `json:"how"`                // for people: "3 processes, SIGKILL"
	Fleeting bool      `json:"fleeting,omitempty"` // it mends by itself, at once: Kubernetes starts again what was killed
}

// Target returns what was hit: the cluster, or the one gateway.
func (f *Fault) Target() string {
	if f.Kind.OneGateway() && len(f.Gateways) > 0 {
		return strings.Join(f.Gateways, ", ")
	}
	return f.Kind.Target(f.Cluster)
}

// Title returns the fault in two words.
func (f *Fault) Title() string { return fmt.Sprintf("%s %s", f.Target(), f.Kind.Past()) }
