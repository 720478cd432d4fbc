package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// since returns when the export was wished for, in Unix seconds; clusters that disagree go by the oldest.
func (w *wish) since() int64 {
	created := w.service.CreationTimestamp
	if w.byExport() {
		created = w.export.CreationTimestamp
	}
	if created.IsZero() {
		return 0
	}
	return created.Unix()
}

func portsIn(service *corev1.Service) []registry.Port {
	var ports []registry.Port
	for _, port := range service.Spec.Ports {
		p := registry.Port{Name: port.Name, Protocol: protocolOf(port.Protocol)}
		if port.Port > 0 && port.Port < 1<<16 {
			p.Port = uint16(port.Port)
		}
		if port.AppProtocol != nil {
			p.AppProtocol = *port.AppProtocol
		}
		ports = append(ports, p)
	}
	return ports
}

func protocolOf(protocol corev1.Protocol) registry.Protocol {
	if protocol == "" {
		return registry.TCP
	}
	return registry.Protocol(protocol)
}

// terms are the Service's fields that ServiceImports repeat.
func terms(service *corev1.Service, export *mcsv1beta1.ServiceExport) *registry.MCS {
	m := &registry.MCS{
		SessionAffinity: string(service.Spec.SessionAffinity),
		Labels:          export.Spec.ExportedLabels, Annotations: export.Spec.ExportedAnnotations,
	}
	if c := service.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		m.SessionAffinitySeconds = *c.ClientIP.TimeoutSeconds
	}
	if policy := service.Spec.InternalTrafficPolicy; policy != nil {
		m.InternalTrafficPolicy = string(*policy)
	}
	if distribution := service.Spec.TrafficDistribution; distribution != nil {
		m.TrafficDistribution = *distribution
	}
	for _, family := range service.Spec.IPFamilies {
		m.IPFamilies = append(m.IPFamilies, string(family))
	}
	return m
}

func textIn(texts map[string]string) int {
	n := 0
	for key, value := range texts {
		n += len(key) + len(value)
	}
	return n
}

// describe says how a service is exported, in words that don't change with its endpoints.
func describe(e *registry.Export) string {
	text := "exported as " + string(e.Visibility)
	if e.Visibility == registry.Both {
		text = "exported as federated and mirrored"
	}
	var left []string
	for _, port := range e.Ports {
		if port.Protocol == registry.SCTP {
			left = append(left, fmt.Sprint(port.Port))
		}
	}
	if len(left) > 0 {
		text += "; SCTP is listed and not carried: port " + strings.Join(left, ", ")
	}
	return text
}
