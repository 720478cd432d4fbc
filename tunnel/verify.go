package tunnel

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	errNoCertificate = errors.New("no certificate")
	errUnknownCA     = errors.New("not signed by the mesh's CA")
)

// spiffeID is a gateway's identity as a URI: spiffe://<cluster>.<mesh>/gateway/<name>. The cluster stands in the host
// (the trust domain), because that is the part of a URI that X.509 name constraints can bind: an intermediate CA may be
// limited to its own cluster.
func spiffeID(g registry.Gateway, mesh string) (spiffeid.ID, error) {
	domain, err := spiffeid.TrustDomainFromString(string(g.Cluster) + "." + mesh)
	if err != nil {
		return spiffeid.ID{}, fmt.Errorf("mesh name %q: %w", mesh, err)
	}
	return spiffeid.FromSegments(domain, "gateway", g.Name)
}

// gatewayOf reads the gateway from the certificate's one SPIFFE ID.
func gatewayOf(leaf *x509.Certificate, mesh string) (registry.Gateway, error) {
	id, err := x509svid.IDFromCert(leaf)
	if err != nil {
		return registry.Gateway{}, fmt.Errorf("certificate %q: want one SPIFFE ID, such as spiffe://east.%s/gateway/grapevine-0: %w",
			leaf.Subject, mesh, err)
	}
	cluster, ofMesh := strings.CutSuffix(id.TrustDomain().Name(), "."+mesh)
	if !ofMesh {
		return registry.Gateway{}, fmt.Errorf("certificate of %s: of another mesh than %s", id, mesh)
	}
	name, isGateway := strings.CutPrefix(id.Path(), "/gateway/")
	if !isGateway {
		return registry.Gateway{}, fmt.Errorf("certificate of %s: not a gateway's, whose path is /gateway/<name>", id)
	}
	g := registry.Gateway{Cluster: registry.Cluster(cluster), Name: name}
	if err := g.Validate(); err != nil {
		return registry.Gateway{}, fmt.Errorf("certificate of %s: %w", id, err)
	}
	return g, nil
}

// checkChain tells whether the chain, leaf first, ends in one of the roots and serves both ends of a connection at the
// given time. Every gateway dials and is dialled, so a certificate for one end alone would fail only sometimes.
func checkChain(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	leaf := chain[0]
	switch {
	case leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return errors.New("a CA's certificate, not a gateway's")
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("not valid before %s, and the clock says %s",
			leaf.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err := leaf.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
			return errUnknownCA
		}
		if err != nil {
			return err
		}
	}
	return nil
}
