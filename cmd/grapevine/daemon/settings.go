package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/registry/file"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// settings are a [Config] after parsing: what the parts are built from.
type settings struct {
	self       registry.Gateway
	mesh       string
	listen     netip.AddrPort
	advertise  []netip.AddrPort // empty: from the socket
	seeds      []string
	tls        tunnel.Files
	dns        netip.AddrPort
	zone       string
	clusterset string // empty: no second zone
	ttl        time.Duration
	vips       netip.Prefix
	admin      netip.AddrPort
	metrics    netip.AddrPort
	data       string
	services   []file.Service
	kube       kubeSettings
}

// kubeSettings are those of a gateway that runs as a Pod.
type kubeSettings struct {
	enabled    bool
	namespace  string
	mcs        bool
	kubeconfig string
	podIPs     []netip.Addr // empty: the interfaces'
	nodeIP     netip.Addr   // zero: not known
}

// Validate returns all mistakes in c at once, each with its key and a valid example.
func (c Config) Validate() error {
	_, err := c.resolve()
	return err
}

// resolve parses every value of c. It returns all mistakes at once, each with its key and a valid example.
func (c Config) resolve() (settings, error) {
	s := settings{
		self:       registry.Gateway{Cluster: registry.Cluster(c.Cluster), Name: c.Gateway},
		mesh:       c.Mesh.Name,
		seeds:      c.Mesh.Seeds,
		tls:        tunnel.Files{CA: c.TLS.CA, Cert: c.TLS.Cert, Key: c.TLS.Key},
		zone:       c.DNS.Zone,
		clusterset: c.DNS.Clusterset,
		data:       c.Data,
		services:   c.Services,
	}
	var mistakes []error
	check := func(path string, err error) {
		if err != nil {
			mistakes = append(mistakes, keyError(path, err))
		}
	}
	address := func(path, text string) netip.AddrPort {
		parsed, err := netip.ParseAddrPort(text)
		if err != nil {
			check(path, fmt.Errorf("%q is no address with a port", text))
		}
		return parsed
	}

	if c.Cluster == "" {
		check("cluster", errors.New("missing"))
	} else {
		check("cluster", registry.CheckLabel(c.Cluster))
	}
	check("gateway", registry.CheckLabel(c.Gateway))
	check("mesh.name", checkDomain(c.Mesh.Name))
	s.listen = address("mesh.listen", c.Mesh.Listen)
	for i, text := range c.Mesh.Advertise {
		advertised := address("mesh.advertise", text)
		if advertised.IsValid() && (advertised.Addr().IsUnspecified() || advertised.Port() == 0) {
			check("mesh.advertise", fmt.Errorf("entry %d, %s, can't be dialled", i, text))
		}
		s.advertise = append(s.advertise, advertised)
	}
	for _, seed := range c.Mesh.Seeds {
		check("mesh.seeds", checkHostPort(seed))
	}
	s.dns = address("dns.listen", c.DNS.Listen)
	check("dns.zone", checkDomain(c.DNS.Zone))
	check("dns.clusterset", checkClusterset(c.DNS.Clusterset, c.DNS.Zone))
	ttl, err := positiveDuration(c.DNS.TTL)
	check("dns.ttl", err)
	s.ttl = ttl
	if c.TCP != "auto" && c.TCP != "off" {
		check("tcp", fmt.Errorf("%q: want auto or off", c.TCP))
	}
	s.vips, err = netip.ParsePrefix(c.VIPs)
	if err != nil {
		check("vips", fmt.Errorf("%q is no address range", c.VIPs))
	}
	s.admin = address("admin", c.Admin)
	s.metrics = address("metrics", c.Metrics)
	if c.Data == "" {
		check("data", errors.New("missing"))
	}
	s.kube = c.Kubernetes.resolve(check)
	if c.Kubernetes.Enabled && len(c.Services) > 0 {
		mistakes = append(mistakes, errors.New("services: with kubernetes.enabled services come from the cluster; label them there, such as `kubectl -n shop label service web grapevine.dev/export=federated`"))
	}
	if err := file.Validate(c.Services); err != nil {
		mistakes = append(mistakes, err)
	}
	return s, errors.Join(mistakes...)
}

func (c KubernetesConfig) resolve(check func(path string, err error)) kubeSettings {
	s := kubeSettings{enabled: c.Enabled, namespace: c.Namespace, mcs: c.MCS, kubeconfig: c.Kubeconfig}
	check("kubernetes.namespace", registry.CheckLabel(c.Namespace))
	if c.MCS && !c.Enabled {
		check("kubernetes.mcs", errors.New("without kubernetes.enabled"))
	}
	for _, text := range c.PodIPs {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.IsUnspecified() || addr.IsLoopback() {
			check("kubernetes.pod-ips", fmt.Errorf("%q is no address of a Pod", text))
		}
		s.podIPs = append(s.podIPs, addr)
	}
	if c.NodeIP != "" {
		var err error
		if s.nodeIP, err = netip.ParseAddr(c.NodeIP); err != nil {
			check("kubernetes.node-ip", fmt.Errorf("%q is no address", c.NodeIP))
		}
	}
	return s
}

// checkDomain takes one or more DNS labels with dots between them.
func checkDomain(name string) error {
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			continue
		}
		if err := registry.CheckLabel(name[start:i]); err != nil {
			return err
		}
		start = i + 1
	}
	if len(name) > 190 { // leaves room for <hostname>.<cluster>.<svc>.<ns>. in 253 only with short labels; longer is surely a mistake
		return fmt.Errorf("%d characters long", len(name))
	}
	return nil
}

// checkClusterset takes no zone, or one that shares no name with Grapevine's own.
func checkClusterset(name, zone string) error {
	if name == "" {
		return nil
	}
	if err := checkDomain(name); err != nil {
		return err
	}
	if name == zone || strings.HasSuffix(name, "."+zone) || strings.HasSuffix(zone, "."+name) {
		return fmt.Errorf("%q and dns.zone %q: one is in the other", name, zone)
	}
	return nil
}

func checkHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return fmt.Errorf("%q is no host with a port", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: the port is no number from 1 to 65535", text)
	}
	return nil
}
