package kube

import "github.com/grapevine-mesh/grapevine/registry"

// Verdict is what became of one user's wish to export a service: of a ServiceExport, or of the label on the Service. Where both
// stand, both have the same.
type Verdict struct {
	Service  registry.ServiceName
	ByExport bool   // a ServiceExport; otherwise the label
	Reason   string // one of the reasons below
	Message  string // for people
	OK       bool   // the service is exported
}

// The reasons of a verdict. Those which the Multi-Cluster Services API has are called as there.
const (
	ReasonValid              = "Valid"
	ReasonNoService          = "NoService"          // there is no Service of that name
	ReasonInvalidServiceType = "InvalidServiceType" // ExternalName, or one that isn't known
	ReasonInvalidAnnotation  = "InvalidAnnotation"  // of grapevine.dev, the label included
	ReasonInvalidPorts       = "InvalidPorts"       // none, or too many
	ReasonInvalidExport      = "InvalidExport"      // the ServiceExport's own fields, or what the mesh can't take
	ReasonOwnService         = "OwnService"         // it is Grapevine's, and stands for what others export
)

// A problem is why a service isn't exported.
type problem struct{ reason, text string }
