package contexts

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// byKubectl are the faults that need no driver. One that offers them makes them better: a process that is killed on its machine
// ends at once, while the API server asks for the end of a Pod.
func byKubectl() []chaos.FaultKind {
	return []chaos.FaultKind{chaos.FaultGraceful, chaos.FaultGateway, chaos.FaultOwnGateway, chaos.FaultGateways, chaos.FaultRoll, chaos.FaultNone}
}

// Can refuses a fault that nobody here can make.
func (st *Stage) Can(kind chaos.FaultKind) error {
	if st.driver.can(driven(kind)) || slices.Contains(byKubectl(), kind) {
		return nil
	}
	if st.Driver == "" {
		return experiment.Usagef("--fault %s needs a driver, which knows the machines, such as --driver chaos/drivers/kind.sh; kubectl alone can make %s", kind, kinds(byKubectl()))
	}
	return experiment.Usagef("--fault %s: the driver %s can only make %s, and kubectl %s", kind, st.Driver, kinds(st.driver.offers), kinds(byKubectl()))
}

func kinds(all []chaos.FaultKind) string {
	var words []string
	for _, kind := range all {
		words = append(words, string(kind))
	}
	return strings.Join(words, ", ")
}

// driven is a fault as drivers know it: how one is judged is nothing to them.
func driven(kind chaos.FaultKind) chaos.FaultKind {
	if kind.OneGateway() {
		return chaos.FaultGateway
	}
	return kind
}

// Aim returns the fault that Strike would make.
func (st *Stage) Aim(kind chaos.FaultKind, cluster string) (*chaos.Fault, error) {
	if err := st.Can(kind); err != nil {
		return nil, err
	}
	p := st.place(cluster)
	fault := &chaos.Fault{Cluster: cluster, Kind: kind, Gateways: []string{}}
	if kind.Separates() {
		for _, o := range p.observers() {
			fault.Gateways = append(fault.Gateways, o.Gateway)
		}
	}
	if kind.OneGateway() { // the last one, because the first is asked what it sees
		fault.Gateways = fault.Gateways[len(fault.Gateways)-1:]
	}
	fault.Fleeting = kind.OneGateway() || kind == chaos.FaultGateways || kind == chaos.FaultRoll
	fault.How = st.how(fault)
	return fault, nil
}

func (st *Stage) how(fault *chaos.Fault) string {
	switch {
	case st.driver.can(driven(fault.Kind)):
		return filepath.Base(st.Driver) + " strike " + strings.Join(st.order(fault).args("")[1:], " ")
	case fault.Kind == chaos.FaultGraceful:
		return "the gateways, and then the workloads of namespace " + st.Space + ", scaled to 0"
	case fault.Kind == chaos.FaultRoll:
		return "kubectl rollout restart statefulset " + setName
	}
	return "kubectl delete pod --force " + strings.Join(podsOf(fault), " ")
}

func podsOf(fault *chaos.Fault) []string {
	var pods []string
	for _, gateway := range fault.Gateways {
		_, pod, _ := strings.Cut(gateway, "/")
		pods = append(pods, pod)
	}
	return pods
}

// order tells the driver which contexts are meant.
func (st *Stage) order(fault *chaos.Fault) order {
	o := order{fault: driven(fault.Kind), pods: podsOf(fault)}
	for _, p := range st.places {
		if p.cluster == fault.Cluster {
			o.hit = p.context
		} else {
			o.others = append(o.others, p.context)
		}
	}
	return o
}

// Strike makes the fault. An interruption lets it be made whole, so that it can be undone whole.
func (st *Stage) Strike(ctx context.Context, fault *chaos.Fault, began func(time.Time)) (time.Time, error) {
	ctx = context.WithoutCancel(ctx)
	if fault.Kind == chaos.FaultAPIServer {
		var err error
		if st.objects, err = collect(st.places, func(p *place) (objects, error) { return p.readObjects(ctx) }); err != nil {
			return time.Time{}, err
		}
	}
	p := st.place(fault.Cluster)
	st.struck = fault
	switch {
	case st.driver.can(driven(fault.Kind)):
		if fault.Fleeting {
			st.worn[p] = podsOf(fault)
		}
		return st.driver.strike(ctx, st.order(fault), began)
	case fault.Kind == chaos.FaultGraceful:
		return st.shutDown(ctx, p, began)
	case fault.Kind == chaos.FaultRoll:
		return p.roll(ctx, began)
	}
	return p.deletePods(ctx, podsOf(fault), began)
}

// deletePods is what kubectl has of a kill. The API server forgets the Pods at once; the machine ends them with SIGTERM, and
// some seconds later with SIGKILL.
func (p *place) deletePods(ctx context.Context, pods []string, began func(time.Time)) (time.Time, error) {
	began(time.Now())
	_, err := p.run(ctx, nil, append([]string{"-n", p.Namespace, "delete", "pod", "--force", "--grace-period=0"}, pods...)...)
	return time.Now(), err
}

// roll restarts all gateways, one after the other.
func (p *place) roll(ctx context.Context, began func(time.Time)) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, driveWithin)
	defer cancel()
	began(time.Now())
	if _, err := p.run(ctx, nil, "-n", p.Namespace, "rollout", "restart", "statefulset", setName); err != nil {
		return time.Time{}, err
	}
	_, err := p.await(ctx, nil, "-n", p.Namespace, "rollout", "status", "statefulset", setName)
	return time.Now(), err
}

// Mend undoes the fault and returns what it did.
func (st *Stage) Mend(ctx context.Context, fault *chaos.Fault) (string, error) {
	ctx = context.WithoutCancel(ctx)
	p := st.place(fault.Cluster)
	defer p.renew()
	done := "Kubernetes does that"
	var err error
	switch {
	case fault.Kind == chaos.FaultRoll:
		done = "each gateway was replaced"
	case st.driver.can(driven(fault.Kind)):
		done, err = st.driver.heal(ctx, st.order(fault))
	case fault.Kind == chaos.FaultGraceful:
		done, err = st.bringBack(ctx, p)
	}
	if err == nil {
		st.struck = nil
	}
	return done, err
}
