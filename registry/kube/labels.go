package kube

// By these labels Grapevine knows what it made: what doesn't say so was made by others, and is left to them.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "grapevine"
	SliceManagedBy = "grapevine.dev" // in the label that Kubernetes has for EndpointSlices
)
