package tunnel

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/grapevine-mesh/grapevine/registry"
)

// skew is how far the clocks of two hosts may be apart while a new certificate is believed at once.
const skew = 5 * time.Minute

// maxCommonName is the longest common name of a certificate (RFC 5280, appendix A.1, ub-common-name).
const maxCommonName = 64

// Authority is the CA of a mesh. Whoever has its key can add gateways; gateways never need it. Any other CA that issues
// certificates of the same shape will do: this one saves a small mesh from running a bigger one.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	mesh        string
}

// NewAuthority makes the CA of a mesh, such as "mesh.internal". Name constraints keep it from speaking for anything
// outside that mesh.
func NewAuthority(mesh string, now time.Time, lifetime time.Duration) (*Authority, error) {
	if _, err := spiffeid.TrustDomainFromString("cluster." + mesh); err != nil {
		return nil, fmt.Errorf("mesh name %q: %w", mesh, err)
	}
	if len(mesh) > maxCommonName {
		return nil, fmt.Errorf("mesh name %q: longer than %d characters", mesh, maxCommonName)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:                serial(),
		Subject:                     pkix.Name{CommonName: mesh, Organization: []string{"Grapevine"}},
		NotBefore:                   now.Add(-skew),
		NotAfter:                    now.Add(lifetime),
		IsCA:                        true,
		BasicConstraintsValid:       true,
		MaxPathLen:                  1, // room for an intermediate per cluster
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedURIDomains:         []string{"." + mesh},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key, mesh: mesh}, nil
}

// ParseAuthority reads what [Authority.CertPEM] and [Authority.KeyPEM] wrote.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	certificates, err := parseCertificates(certPEM)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	certificate := certificates[0]
	if !certificate.IsCA || certificate.Subject.CommonName == "" {
		return nil, errors.New("CA certificate: it is not a mesh CA's")
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("CA key: %w", err)
	}
	if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(certificate.PublicKey) {
		return nil, errors.New("CA key: does not belong to the CA certificate")
	}
	return &Authority{certificate: certificate, key: key, mesh: certificate.Subject.CommonName}, nil
}

// Mesh returns the name of the mesh that this CA is for.
func (a *Authority) Mesh() string { return a.mesh }

// CertPEM returns the CA's certificate, which every gateway needs.
func (a *Authority) CertPEM() []byte { return encodePEM("CERTIFICATE", a.certificate.Raw) }

// KeyPEM returns the CA's key, which no gateway needs.
func (a *Authority) KeyPEM() []byte { return keyPEM(a.key) }

// Issue makes a certificate and key for a gateway. It ends with the CA's, if that is sooner.
func (a *Authority) Issue(g registry.Gateway, now time.Time, lifetime time.Duration) (certPEM, privatePEM []byte, err error) {
	if err := g.Validate(); err != nil {
		return nil, nil, err
	}
	id, err := spiffeID(g, a.mesh)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ends := now.Add(lifetime)
	if a.certificate.NotAfter.Before(ends) {
		ends = a.certificate.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: g.Name, OrganizationalUnit: []string{string(g.Cluster)}, Organization: []string{"Grapevine"}},
		NotBefore:             now.Add(-skew),
		NotAfter:              ends,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:                  []*url.URL{id.URL()},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	return encodePEM("CERTIFICATE", der), keyPEM(key), nil
}

func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] &= 0x7f // at most 20 octets and positive (RFC 5280 §4.1.2.2)
	return new(big.Int).SetBytes(b[:])
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// keyPEM encodes a key of our own making, which PKCS #8 can always hold.
func keyPEM(key crypto.Signer) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("tunnel: encoding a key: " + err.Error())
	}
	return encodePEM("PRIVATE KEY", der)
}
