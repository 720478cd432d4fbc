package kube

// By these labels Grapevine knows what it made: what doesn't say so was made by others, and is left to them.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "grapevine"
	SliceManagedBy = "grapevine.dev" // in the label that Kubernetes has for EndpointSlices
)

// By these labels it knows the Services of its own installation that are the gateways' name servers: one for each.
const (
	LabelRole    = "grapevine.dev/role"
	RoleDNS      = "dns"
	LabelGateway = "grapevine.dev/gateway" // which one's; of EndpointSlices too
)
