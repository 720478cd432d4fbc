package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The file of VIPs is a line and a JSON document:
//
//	grapevine vips 1 <SHA-256 of all that follows this line, in hexadecimal>
//	{"gateway": "east/e-0", "vips": [{"name": "web", "namespace": "shop", "vip": "127.80.3.7"},
//	                                 {"name": "web", "namespace": "shop", "cluster": "west", "vip": "127.80.9.1"}]}
//
// The number is the version of what follows. A reader of another version takes the file for damaged: what it loses is
// little, because names are placed by their hash.
const (
	vipMagic   = "grapevine vips 1 "
	maxVIPFile = 64 << 20
)

type vipDocument struct {
	Gateway registry.Gateway `json:"gateway"`
	VIPs    []vipEntry       `json:"vips"`
}

type vipEntry struct {
	Name      string           `json:"name"`
	Namespace string           `json:"namespace"`
	Cluster   registry.Cluster `json:"cluster,omitempty"`
	Hostname  string           `json:"hostname,omitempty"`
	VIP       netip.Addr       `json:"vip"`
}

// loadVIPs reads the file of a gateway. Where there is none, it holds nothing; where it is damaged, it is renamed, so that
// it can be looked at.
func loadVIPs(path string, gateway registry.Gateway, log zerolog.Logger) (map[registry.VIPName]netip.Addr, error) {
	data, err := readBounded(path)
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		return map[registry.VIPName]netip.Addr{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("vips: %w", err)
	}
	owner, held, err := decodeVIPs(data)
	if err != nil {
		aside := path + ".damaged"
		log.Warn().Err(err).Str("file", path).Str("kept_as", aside).Msg("vip file damaged, placing vips anew")
		if err := os.Rename(path, aside); err != nil {
			return nil, fmt.Errorf("vips: %w", err)
		}
		return map[registry.VIPName]netip.Addr{}, nil
	}
	if owner != gateway {
		return nil, fmt.Errorf("vips: %s belongs to gateway %s, this is %s: each gateway needs a data directory of its own", path, owner, gateway)
	}
	return held, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxVIPFile))
}

// saveVIPs writes the file: the old one or the new one is there at any moment, whole.
func saveVIPs(path string, gateway registry.Gateway, held map[registry.VIPName]netip.Addr) error {
	if path == "" {
		return nil
	}
	data, err := encodeVIPs(gateway, held)
	if err != nil {
		return fmt.Errorf("vips: %w", err)
	}
	if err := renameio.WriteFile(path, data, 0o600, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("vips: %w", err)
	}
	return nil
}

func encodeVIPs(gateway registry.Gateway, held map[registry.VIPName]netip.Addr) ([]byte, error) {
	document := vipDocument{Gateway: gateway, VIPs: []vipEntry{}}
	for name, addr := range held {
		document.VIPs = append(document.VIPs, vipEntry{name.Service.Name, name.Service.Namespace, name.Cluster, name.Hostname, addr})
	}
	slices.SortFunc(document.VIPs, func(a, b vipEntry) int { return a.VIP.Compare(b.VIP) })
	body, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return nil, err
	}
	return sealed(body), nil
}

// sealed puts the first line before a document.
func sealed(body []byte) []byte {
	return fmt.Appendf(nil, "%s%x\n%s", vipMagic, sha256.Sum256(body), body)
}

// decodeVIPs reads what encodeVIPs wrote. What it returns is valid, and no two names share an address.
func decodeVIPs(data []byte) (registry.Gateway, map[registry.VIPName]netip.Addr, error) {
	line, body, found := bytes.Cut(data, []byte("\n"))
	sum, magic := strings.CutPrefix(string(line), vipMagic)
	switch {
	case !found || !magic:
		return registry.Gateway{}, nil, fmt.Errorf("it doesn't begin with %q", vipMagic)
	case sum != fmt.Sprintf("%x", sha256.Sum256(body)):
		return registry.Gateway{}, nil, errors.New("its checksum is wrong")
	}
	var document vipDocument
	if err := json.Unmarshal(body, &document); err != nil {
		return registry.Gateway{}, nil, err
	}
	if err := document.Gateway.Validate(); err != nil {
		return registry.Gateway{}, nil, err
	}
	held, taken := map[registry.VIPName]netip.Addr{}, map[netip.Addr]bool{}
	for _, entry := range document.VIPs {
		name := registry.VIPName{Service: registry.ServiceName{Namespace: entry.Namespace, Name: entry.Name}, Cluster: entry.Cluster, Hostname: entry.Hostname}
		_, twice := held[name]
		if err := name.Validate(); err != nil {
			return registry.Gateway{}, nil, err
		}
		if twice || taken[entry.VIP] || !entry.VIP.Is4() {
			return registry.Gateway{}, nil, fmt.Errorf("%s: its name or its address stands twice", name)
		}
		held[name], taken[entry.VIP] = entry.VIP, true
	}
	return document.Gateway, held, nil
}
