package testcluster

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// Proxy stands between clients and the API server, with a certificate of its own. It passes on what it is asked, tokens
// included, until it is told to lie.
type Proxy struct {
	cluster *Cluster
	server  *httptest.Server

	mu   sync.Mutex
	lies []Lie
	told int
}

// Lie is an answer in the API server's place.
type Lie struct {
	To     func(r *http.Request) bool // which requests are lied to
	Answer http.HandlerFunc
	Always bool // and not only the first of them
}

// Proxy starts a proxy in front of the cluster. It goes on while the control plane is stopped, and ends with the test.
func (c *Cluster) Proxy() *Proxy {
	c.t.Helper()
	upstream, err := url.Parse(c.config.Host)
	require.NoError(c.t, err)
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(c.config))
	require.NoError(c.t, err)
	forward := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:     transport,
		FlushInterval: -1, // a watch says little at a time
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p := &Proxy{cluster: c}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lie, told := p.take(r); told {
			lie.Answer(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	c.t.Cleanup(func() {
		p.Cut()
		p.server.Close()
	})
	return p
}

// ServiceAccount is [Cluster.ServiceAccount] through the proxy.
func (p *Proxy) ServiceAccount(namespace, name string) string {
	p.cluster.t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	return p.cluster.writeKubeconfig(p.server.URL, ca, p.cluster.token(namespace, name))
}

// Tell makes the proxy lie from now on: a new request hears the first of the lies that is for it, which isn't told again unless
// it is one for always. Without lies the proxy tells the truth.
func (p *Proxy) Tell(lies ...Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lies, p.told = slices.Clone(lies), 0
}

// Told returns how many lies were told since Tell.
func (p *Proxy) Told() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

// take returns the lie for r, if it is to hear one.
func (p *Proxy) take(r *http.Request) (Lie, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.lies, func(l Lie) bool { return l.To(r) })
	if i < 0 {
		return Lie{}, false
	}
	lie := p.lies[i]
	if !lie.Always {
		p.lies = slices.Delete(p.lies, i, i+1)
	}
	p.told++
	return lie, true
}

// Cut ends all connections: who was watching has to ask again.
func (p *Proxy) Cut() { p.server.CloseClientConnections() }
