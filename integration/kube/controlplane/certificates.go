package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const validity = 10 * 365 * 24 * time.Hour

// authority signs a cluster's certificates. Its key is kept nowhere: all that a cluster needs is signed at once.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issueOnce writes pki/ and the kubeconfigs unless they are there. pki/ comes last and at once, so it stands for all.
func (c *cluster) issueOnce(addrs []netip.Addr) error {
	if _, err := os.Stat(c.path("pki")); err == nil {
		return nil
	}
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	draft, err := os.MkdirTemp(c.dir, "pki-")
	if err != nil {
		return err
	}
	files := make(map[string][]byte)
	files["ca.crt"] = certPEM(ca.cert.Raw)
	if files["apiserver.crt"], files["apiserver.key"], err = ca.issue(serverOf(addrs)); err != nil {
		return err
	}
	if files["serviceaccounts.key"], _, err = newKey(); err != nil { // signs the tokens of service accounts
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(draft, name), content, 0o600); err != nil {
			return err
		}
	}
	for file, user := range map[string]string{"admin": "admin", "controllers": "system:kube-controller-manager"} {
		if err := c.writeKubeconfig(ca, file, user); err != nil {
			return err
		}
	}
	return os.Rename(draft, c.path("pki"))
}

// writeKubeconfig makes a user of the group that may do everything. The controllers are one user of it here: in a real
// cluster each has a service account, which takes a second at every start and shows nothing to a gateway.
func (c *cluster) writeKubeconfig(ca *authority, file, user string) error {
	cert, key, err := ca.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	return clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{"cluster": {Server: c.url(), CertificateAuthorityData: certPEM(ca.cert.Raw)}},
		AuthInfos:      map[string]*api.AuthInfo{file: {ClientCertificateData: cert, ClientKeyData: key}},
		Contexts:       map[string]*api.Context{file: {Cluster: "cluster", AuthInfo: file}},
		CurrentContext: file,
	}, c.path(file+".kubeconfig"))
}

func serverOf(addrs []netip.Addr) *x509.Certificate {
	cert := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
	}
	for _, addr := range addrs {
		cert.IPAddresses = append(cert.IPAddresses, addr.AsSlice())
	}
	return cert
}

func newAuthority() (*authority, error) {
	_, key, err := newKey()
	if err != nil {
		return nil, err
	}
	self := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "controlplane"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, self, self, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key}, err
}

// issue signs what template asks for, with a key of its own; both come as PEM.
func (ca *authority) issue(template *x509.Certificate) (cert, keyPEM []byte, err error) {
	keyPEM, key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	template.NotBefore, template.NotAfter = ca.cert.NotBefore, ca.cert.NotAfter
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", template.Subject.CommonName, err)
	}
	return certPEM(der), keyPEM, nil
}

func newKey() (keyPEM []byte, key crypto.Signer, err error) {
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(made)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), made, err
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
