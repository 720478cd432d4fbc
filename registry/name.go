package registry

import (
	"errors"
	"fmt"
	"strings"
)

// Cluster is the name of one cluster: a DNS label, unique in the mesh. It is also the first label of the cluster's
// SPIFFE trust domain, so a certificate can't speak for two clusters.
type Cluster string

// Gateway is the identity of one running daemon. Its text form is "cluster/name", such as "east/grapevine-0".
// The zero value is no gateway.
type Gateway struct {
	Cluster Cluster `cbor:"1,keyasint"`
	Name    string  `cbor:"2,keyasint"`
}

// ServiceName names a service in every cluster alike (namespace sameness, KEP-1645). Its text form is the order that DNS
// uses, "name.namespace".
type ServiceName struct {
	Namespace string `cbor:"1,keyasint" json:"namespace"`
	Name      string `cbor:"2,keyasint" json:"name"`
}

// String returns "cluster/name".
func (g Gateway) String() string { return string(g.Cluster) + "/" + g.Name }

// IsZero tells whether g names no gateway.
func (g Gateway) IsZero() bool { return g == Gateway{} }

// Compare orders gateways by cluster, then by name.
func (g Gateway) Compare(other Gateway) int {
	if c := strings.Compare(string(g.Cluster), string(other.Cluster)); c != 0 {
		return c
	}
	return strings.Compare(g.Name, other.Name)
}

// MarshalText writes the form that [ParseGateway] reads.
func (g Gateway) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads what [Gateway.MarshalText] wrote.
func (g *Gateway) UnmarshalText(text []byte) error {
	parsed, err := ParseGateway(string(text))
	if err != nil {
		return err
	}
	*g = parsed
	return nil
}

// ParseGateway reads "cluster/name", where both are DNS labels.
func ParseGateway(s string) (Gateway, error) {
	cluster, name, found := strings.Cut(s, "/")
	if !found {
		return Gateway{}, fmt.Errorf("gateway %q: want cluster/name, such as east/grapevine-0", s)
	}
	g := Gateway{Cluster: Cluster(cluster), Name: name}
	return g, g.Validate()
}

// Validate tells whether both parts are DNS labels.
func (g Gateway) Validate() error {
	if err := CheckLabel(string(g.Cluster)); err != nil {
		return fmt.Errorf("gateway %q: cluster: %w", g.String(), err)
	}
	if err := CheckLabel(g.Name); err != nil {
		return fmt.Errorf("gateway %q: name: %w", g.String(), err)
	}
	return nil
}

// String returns "name.namespace".
func (s ServiceName) String() string { return s.Name + "." + s.Namespace }

// Compare orders services by namespace, then by name.
func (s ServiceName) Compare(other ServiceName) int {
	if c := strings.Compare(s.Namespace, other.Namespace); c != 0 {
		return c
	}
	return strings.Compare(s.Name, other.Name)
}

// Validate tells whether both parts are DNS labels.
func (s ServiceName) Validate() error {
	if err := CheckLabel(s.Namespace); err != nil {
		return fmt.Errorf("service %q: namespace: %w", s.String(), err)
	}
	if err := CheckLabel(s.Name); err != nil {
		return fmt.Errorf("service %q: name: %w", s.String(), err)
	}
	return nil
}

var errLabel = errors.New("want a DNS label: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit")

// CheckLabel tells whether s is a DNS label in the form that Kubernetes uses for names (RFC 1123 §2.1, lower case).
func CheckLabel(s string) error {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return fmt.Errorf("%q: %w", s, errLabel)
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%q: %w", s, errLabel)
		}
	}
	return nil
}
