package tunnel

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Files names the PEM files that make an identity: the mesh's CA (several certificates while it is being rotated), this
// gateway's certificate with its intermediates, and its key.
type Files struct {
	CA   string
	Cert string
	Key  string
}

// Identity is who this gateway is, and by which CA it knows the others. It can be reloaded while running, in any order
// of files. It is safe for concurrent use, and it is the gateway's [registry.Signer].
type Identity struct {
	mesh  string
	self  registry.Gateway
	files Files

	reload  sync.Mutex // one Reload at a time
	current atomic.Pointer[credentials]
}

// LoadIdentity reads and checks the files of the gateway self in the given mesh. An error says which file is wrong, and
// what is wrong with it.
func LoadIdentity(files Files, mesh string, self registry.Gateway) (*Identity, error) {
	i := &Identity{mesh: mesh, self: self, files: files}
	if _, err := i.Reload(); err != nil {
		return nil, err
	}
	return i, nil
}

// NewIdentity is [LoadIdentity] for what is in memory. Its Reload does nothing.
func NewIdentity(caPEM, certPEM, keyPEM []byte, mesh string, self registry.Gateway) (*Identity, error) {
	c, err := parseCredentials(pemFiles{ca: caPEM, cert: certPEM, key: keyPEM}, Files{}, mesh, self, time.Now())
	if err != nil {
		return nil, err
	}
	i := &Identity{mesh: mesh, self: self}
	i.current.Store(c)
	return i, nil
}

// Reload reads the files again and tells whether they changed. On an error everything stays as it was: a certificate
// that was replaced before its key is one for a moment.
func (i *Identity) Reload() (changed bool, err error) {
	if i.files == (Files{}) {
		return false, nil
	}
	i.reload.Lock()
	defer i.reload.Unlock()
	read, err := i.files.read()
	if err != nil {
		return false, err
	}
	old := i.current.Load()
	if old != nil && old.source.equal(read) {
		return false, nil
	}
	c, err := parseCredentials(read, i.files, i.mesh, i.self, time.Now())
	if err != nil {
		return false, err
	}
	i.current.Store(c)
	return true, nil
}

// Gateway returns who this is.
func (i *Identity) Gateway() registry.Gateway { return i.self }

// Expires returns when the certificate, or an intermediate of its chain, ends to be valid.
func (i *Identity) Expires() time.Time { return expiry(i.current.Load().chain) }

// Chain returns the certificate chain in DER, leaf first. The caller must not change it.
func (i *Identity) Chain() [][]byte { return i.current.Load().der }

// Fingerprint names the certificate.
func (i *Identity) Fingerprint() registry.Fingerprint {
	return sha256.Sum256(i.current.Load().der[0])
}

// Sign signs with the certificate's key: ECDSA over SHA-256 in ASN.1 form, or Ed25519.
func (i *Identity) Sign(message []byte) ([]byte, error) {
	key := i.current.Load().key
	if hashless(key.Public()) {
		return key.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return key.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// VerifyChain tells whose certificate heads the chain (DER, leaf first): a gateway's of this mesh, signed by its CA,
// for both ends of a connection, valid now.
func (i *Identity) VerifyChain(der [][]byte) (registry.Gateway, crypto.PublicKey, error) {
	chain := make([]*x509.Certificate, len(der))
	for n, raw := range der {
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			return registry.Gateway{}, nil, fmt.Errorf("peer's certificate: %w", err)
		}
		chain[n] = certificate
	}
	g, err := i.verify(chain, time.Now())
	if err != nil {
		return registry.Gateway{}, nil, err
	}
	return g, chain[0].PublicKey, nil
}

func (i *Identity) verify(chain []*x509.Certificate, at time.Time) (registry.Gateway, error) {
	if len(chain) == 0 {
		return registry.Gateway{}, errNoCertificate
	}
	g, err := gatewayOf(chain[0], i.mesh)
	if err != nil {
		return registry.Gateway{}, err
	}
	if err := checkChain(chain, i.current.Load().roots, at); err != nil {
		return registry.Gateway{}, fmt.Errorf("certificate of %s: %w", g, err)
	}
	return g, nil
}

// pemFiles is what was in the files.
type pemFiles struct{ ca, cert, key []byte }

func (p pemFiles) equal(other pemFiles) bool {
	return bytes.Equal(p.ca, other.ca) && bytes.Equal(p.cert, other.cert) && bytes.Equal(p.key, other.key)
}

func (f Files) read() (read pemFiles, err error) {
	if read.ca, err = os.ReadFile(f.CA); err != nil {
		return read, fmt.Errorf("tls.ca: %w", err)
	}
	if read.cert, err = os.ReadFile(f.Cert); err != nil {
		return read, fmt.Errorf("tls.cert: %w", err)
	}
	if read.key, err = os.ReadFile(f.Key); err != nil {
		return read, fmt.Errorf("tls.key: %w", err)
	}
	return read, nil
}
