package kube

import "github.com/grapevine-mesh/grapevine/registry"

// Verdict is what became of one attempt to export a service.
type Verdict struct {
	Service  registry.ServiceName
	ByExport bool // by a ServiceExport, and not by a label
	Reason   string
	Message  string
	OK       bool
}
