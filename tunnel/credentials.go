package tunnel

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// credentials is one parsed and checked state of an identity's files. It never changes.
type credentials struct {
	source pemFiles
	roots  *x509.CertPool
	chain  []*x509.Certificate // leaf first
	der    [][]byte
	key    crypto.Signer
}

func parseCredentials(source pemFiles, names Files, mesh string, self registry.Gateway, now time.Time) (*credentials, error) {
	roots, err := parseCA(source.ca)
	if err != nil {
		return nil, fmt.Errorf("tls.ca%s: %w", in(names.CA), err)
	}
	chain, err := parseCertificates(source.cert)
	if err != nil {
		return nil, fmt.Errorf("tls.cert%s: %w", in(names.Cert), err)
	}
	key, err := parseKey(source.key)
	if err != nil {
		return nil, fmt.Errorf("tls.key%s: %w", in(names.Key), err)
	}
	if !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(chain[0].PublicKey) {
		return nil, fmt.Errorf("tls.key%s: does not belong to the certificate%s", in(names.Key), in(names.Cert))
	}
	says, err := gatewayOf(chain[0], mesh)
	if err != nil {
		return nil, fmt.Errorf("tls.cert%s: %w", in(names.Cert), err)
	}
	if says != self {
		return nil, fmt.Errorf("tls.cert%s: it says %s, this is %s", in(names.Cert), says, self)
	}
	if err := checkChain(chain, roots, now); errors.Is(err, errUnknownCA) {
		return nil, fmt.Errorf("tls.cert%s: not signed by the CA%s", in(names.Cert), in(names.CA))
	} else if err != nil {
		return nil, fmt.Errorf("tls.cert%s: %w", in(names.Cert), err)
	}
	der := make([][]byte, len(chain))
	for i, certificate := range chain {
		der[i] = certificate.Raw
	}
	return &credentials{source: source, roots: roots, chain: chain, der: der, key: key}, nil
}

// in names a file in an error, where there is one.
func in(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// expiry returns when the first certificate of a chain ends to be valid.
func expiry(chain []*x509.Certificate) time.Time {
	first := chain[0].NotAfter
	for _, certificate := range chain[1:] {
		if certificate.NotAfter.Before(first) {
			first = certificate.NotAfter
		}
	}
	return first
}

func parseCA(text []byte) (*x509.CertPool, error) {
	certificates, err := parseCertificates(text)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	for _, certificate := range certificates {
		if !certificate.IsCA {
			return nil, fmt.Errorf("certificate %q in it is not a CA's", certificate.Subject)
		}
		roots.AddCert(certificate)
	}
	return roots, nil
}

func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("no certificate in it: want PEM, -----BEGIN CERTIFICATE-----")
	}
	return certificates, nil
}

var errKeyKind = errors.New("want an ECDSA P-256 or Ed25519 key")

func parseKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			if key.Curve != elliptic.P256() {
				return nil, errKeyKind
			}
			return key, nil
		case ed25519.PrivateKey:
			return key, nil
		}
		return nil, errKeyKind
	}
	return nil, errors.New("no key in it: want PEM, -----BEGIN PRIVATE KEY-----")
}

// hashless tells whether the key signs messages rather than digests.
func hashless(key crypto.PublicKey) bool {
	_, is := key.(ed25519.PublicKey)
	return is
}
