package daemon

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/grapevine-mesh/grapevine/registry/file"
)

// Config is what one gateway is told, in the shape of its YAML file. [Config.resolve] turns it into valid values; nothing
// else reads it.
type Config struct {
	Cluster    string           `json:"cluster"`
	Gateway    string           `json:"gateway"`
	Mesh       MeshConfig       `json:"mesh"`
	TLS        TLSConfig        `json:"tls"`
	DNS        DNSConfig        `json:"dns"`
	TCP        string           `json:"tcp"`
	VIPs       string           `json:"vips"`
	Admin      string           `json:"admin"`
	Metrics    string           `json:"metrics"`
	Data       string           `json:"data"`
	Kubernetes KubernetesConfig `json:"kubernetes"`
	Services   []file.Service   `json:"services"`
}

// MeshConfig is how the gateway finds the others and is found by them.
type MeshConfig struct {
	Name      string   `json:"name"`
	Listen    string   `json:"listen"`
	Advertise []string `json:"advertise"`
	Seeds     []string `json:"seeds"`
}

// TLSConfig names the PEM files of the gateway's identity. They are read again while the gateway runs.
type TLSConfig struct {
	CA   string `json:"ca"`
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// DNSConfig is the name server's.
type DNSConfig struct {
	Listen     string `json:"listen"`
	Zone       string `json:"zone"`
	Clusterset string `json:"clusterset"` // empty: not served
	TTL        string `json:"ttl"`
}

// KubernetesConfig is for a gateway that runs as a Pod: it takes its services from the cluster, and puts the mesh's there.
type KubernetesConfig struct {
	Enabled    bool     `json:"enabled"`
	Namespace  string   `json:"namespace"`
	MCS        bool     `json:"mcs"`
	Kubeconfig string   `json:"kubeconfig"`
	PodIPs     []string `json:"pod-ips"`
	NodeIP     string   `json:"node-ip"`
}

// Defaults returns the configuration that a file and flags are laid over. The gateway's name is the host's.
func Defaults() Config {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return Config{
		Gateway: host,
		Mesh:    MeshConfig{Name: "mesh.internal", Listen: "0.0.0.0:7946"},
		TLS:     TLSConfig{CA: "ca.crt", Cert: "tls.crt", Key: "tls.key"},
		DNS:     DNSConfig{Listen: "0.0.0.0:8053", Zone: "federated", TTL: "5s"},
		TCP:     "auto",
		VIPs:    "127.80.0.0/16",
		Admin:   "127.0.0.1:7980",
		Metrics: "0.0.0.0:7981",
		Data:    "/var/lib/grapevine",

		Kubernetes: KubernetesConfig{Namespace: "grapevine"},
	}
}

// Key is one configuration key that may also be given as a flag of `grapevine run`.
type Key struct {
	Path    string // as in the file, with dots: mesh.listen
	Example string
	Help    string
	List    bool // comma-separated on the command line
}

// Keys returns all keys of the configuration, in the file's order.
func Keys() []Key {
	return []Key{
		{Path: "cluster", Example: "east", Help: "this cluster's name, a DNS label (required)"},
		{Path: "gateway", Example: "grapevine-0", Help: "this gateway's name in its cluster (default: the host name)"},
		{Path: "mesh.name", Example: "mesh.internal", Help: "the mesh's name, the same in all clusters"},
		{Path: "mesh.listen", Example: "0.0.0.0:7946", Help: "UDP address that other gateways reach"},
		{Path: "mesh.advertise", Example: "203.0.113.7:7946", Help: "addresses told to other gateways (default: the listen address, or the interfaces')", List: true},
		{Path: "mesh.seeds", Example: "gw.west.example.com:7946", Help: "gateways to join through; host names are resolved afresh at every attempt", List: true},
		{Path: "tls.ca", Example: "ca.crt", Help: "PEM file with the mesh's certificate authorities"},
		{Path: "tls.cert", Example: "tls.crt", Help: "PEM file with this gateway's certificate"},
		{Path: "tls.key", Example: "tls.key", Help: "PEM file with the certificate's key"},
		{Path: "dns.listen", Example: "0.0.0.0:8053", Help: "address of the name server, UDP and TCP"},
		{Path: "dns.zone", Example: "federated", Help: "zone that is served"},
		{Path: "dns.clusterset", Example: "clusterset.local", Help: "zone of the Multi-Cluster Services API, served beside dns.zone (default: none)"},
		{Path: "dns.ttl", Example: "5s", Help: "time to live of answers"},
		{Path: "tcp", Example: "auto", Help: "auto or off: the TLS carrier beside QUIC (this version has QUIC alone)"},
		{Path: "vips", Example: "127.80.0.0/16", Help: "range of the services' local addresses; gateways on one host need a range each"},
		{Path: "admin", Example: "127.0.0.1:7980", Help: "address of the admin API"},
		{Path: "metrics", Example: "0.0.0.0:7981", Help: "address of /metrics, /healthz and /readyz"},
		{Path: "data", Example: "/var/lib/grapevine", Help: "directory for what must outlive a restart"},
		{Path: "kubernetes.enabled", Example: "true", Help: "take services from Kubernetes, and put the mesh's there"},
		{Path: "kubernetes.namespace", Example: "grapevine", Help: "Grapevine's own namespace"},
		{Path: "kubernetes.mcs", Example: "true", Help: "serve the Multi-Cluster Services API: ServiceImports, conditions"},
		{Path: "kubernetes.kubeconfig", Example: "/home/me/.kube/config", Help: "how to reach the API server (default: as Pods do)"},
		{Path: "kubernetes.pod-ips", Example: "10.11.0.7,fd00:11::7", Help: "this Pod's addresses (default: the interfaces')", List: true},
		{Path: "kubernetes.node-ip", Example: "192.0.2.10", Help: "the address of this Pod's node, for a mesh port that is a NodePort or the host's"},
		{Path: "services", Example: `[{name: web, namespace: shop, ports: [{port: 8080}], endpoints: ["127.0.0.1:9001"]}]`, Help: "exported services, as YAML"},
	}
}

func exampleOf(path string) string {
	for _, k := range Keys() {
		if k.Path == path {
			return k.Path + ": " + k.Example
		}
	}
	return path
}

// keyError is a mistake in the value of one key: it names the key and shows what would be right.
func keyError(path string, err error) error {
	return fmt.Errorf("%s: %w; a valid example is `%s`", path, err, exampleOf(path))
}

func positiveDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	if d < 0 {
		return 0, errors.New("a negative duration")
	}
	return d, nil
}
