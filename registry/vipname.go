package registry

// VIPName is what has a VIP of its own: a federated service, one cluster's export of it under the cluster's name, or one
// host of a cluster's headless export.
type VIPName struct {
	Service  ServiceName
	Cluster  Cluster // empty: the federated service
	Hostname string  // of one endpoint in that cluster; empty: all
}

// String is the name as DNS has it, without the zone.
func (n VIPName) String() string {
	text := n.Service.String()
	if n.Cluster != "" {
		text = string(n.Cluster) + "." + text
	}
	if n.Hostname != "" {
		text = n.Hostname + "." + text
	}
	return text
}

// Validate tells whether all parts are DNS labels, and a host name stands with its cluster.
func (n VIPName) Validate() error {
	if n.Cluster != "" || n.Hostname != "" {
		if err := CheckLabel(string(n.Cluster)); err != nil {
			return err
		}
	}
	if n.Hostname != "" {
		if err := CheckLabel(n.Hostname); err != nil {
			return err
		}
	}
	return n.Service.Validate()
}
