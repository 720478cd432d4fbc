package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxExportedText bounds what a ServiceExport hands on in labels and annotations, so that its entry fits.
const maxExportedText = 8 << 10

// isOurs tells whether Grapevine made the object.
func isOurs(object metav1.Object) bool { return object.GetLabels()[LabelManagedBy] == ManagedBy }

// isOurSlice tells whether Grapevine made the EndpointSlice.
func isOurSlice(slice *discoveryv1.EndpointSlice) bool {
	return slice.Labels[discoveryv1.LabelManagedBy] == SliceManagedBy
}

// wish is all that decides how one service is exported. What isn't there is nil.
type wish struct {
	name    registry.ServiceName
	service *corev1.Service
	slices  []*discoveryv1.EndpointSlice
	export  *mcsv1beta1.ServiceExport
	home    string // Grapevine's own namespace
}

// A conversion is what became of a wish: an export or a problem, told to each who wished it. The zero value: nobody did.
type conversion struct {
	own      *registry.Own
	verdicts []Verdict
}

// convert makes an export of a wish. It is pure: the same objects give the same conversion, whatever their order.
func convert(w wish) conversion {
	own, trouble := w.own()
	verdict := Verdict{Service: w.name, OK: own != nil, Reason: trouble.reason, Message: trouble.text}
	if own != nil {
		verdict.Reason, verdict.Message = ReasonValid, describe(&own.Export)
	}
	o := conversion{own: own}
	if w.byExport() {
		verdict.ByExport = true
		o.verdicts = append(o.verdicts, verdict)
	}
	if w.byLabel() {
		verdict.ByExport = false
		o.verdicts = append(o.verdicts, verdict)
	}
	if len(o.verdicts) == 0 {
		return conversion{}
	}
	return o
}

// byExport tells whether there is a ServiceExport. One that is being deleted is none.
func (w *wish) byExport() bool { return w.export != nil && w.export.DeletionTimestamp == nil }

func (w *wish) byLabel() bool {
	if w.service == nil || w.derived() {
		return false
	}
	_, labelled := w.service.Labels[ExportLabel]
	return labelled
}

// derived tells whether the Service is one that Grapevine made for what others export.
func (w *wish) derived() bool {
	return w.service != nil && w.service.Namespace == w.home && isOurs(w.service)
}

func (w *wish) own() (*registry.Own, problem) {
	switch {
	case !w.byExport() && !w.byLabel():
		return nil, problem{}
	case w.service == nil:
		return nil, problem{ReasonNoService, fmt.Sprintf("there is no Service %s in namespace %s", w.name.Name, w.name.Namespace)}
	case w.derived():
		return nil, problem{ReasonOwnService, "the Service is Grapevine's own, and stands for what others export"}
	}
	switch w.service.Spec.Type {
	case corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, "":
	default:
		return nil, problem{ReasonInvalidServiceType, fmt.Sprintf("a Service of type %s can't be exported: want ClusterIP (also headless), NodePort or LoadBalancer", w.service.Spec.Type)}
	}
	policy, wrong := readPolicy(w.service, w.byExport())
	if len(wrong) > 0 {
		return nil, problem{ReasonInvalidAnnotation, strings.Join(wrong, "; ")}
	}
	if n := len(w.service.Spec.Ports); n == 0 || n > registry.MaxPorts {
		return nil, problem{ReasonInvalidPorts, fmt.Sprintf("the Service has %d ports: want 1 to %d", n, registry.MaxPorts)}
	}
	return w.fill(policy)
}

// fill makes the export, and has the registry look at what was forgotten here.
func (w *wish) fill(p policy) (*registry.Own, problem) {
	own := &registry.Own{Export: registry.Export{
		Service: w.name, Visibility: p.visibility, Reach: p.reach, Affinity: p.affinity, Weight: p.weight, Priority: p.priority,
		Allow: p.allow, Headless: w.service.Spec.ClusterIP == corev1.ClusterIPNone, Since: w.since(), Ports: portsIn(w.service),
	}}
	if w.byExport() {
		if n := textIn(w.export.Spec.ExportedLabels) + textIn(w.export.Spec.ExportedAnnotations); n > maxExportedText {
			return nil, problem{ReasonInvalidExport, fmt.Sprintf("exportedLabels and exportedAnnotations have %d bytes: want %d at most", n, maxExportedText)}
		}
		own.Export.MCS = terms(w.service, w.export)
	}
	fillEndpoints(own, w.slices)
	if err := own.Export.Validate(); err != nil {
		return nil, problem{ReasonInvalidExport, err.Error()}
	}
	return own, problem{}
}
