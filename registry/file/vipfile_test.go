package file

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// TestVIPFileTrouble puts something else in the file's place.
func TestVIPFileTrouble(t *testing.T) {
	names := vipNames(3)
	whole, err := encodeVIPs(self, assigned(t, open(t, loopback, ""), names))
	require.NoError(t, err)
	other, err := encodeVIPs(registry.Gateway{Cluster: "west", Name: "w-0"}, nil)
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"empty":            {},
		"cut off":          whole[:len(whole)/2],
		"cut in its line":  whole[:10],
		"one bit":          bytes.Replace(whole, []byte("127.80."), []byte("127.81."), 1),
		"a later version":  bytes.Replace(whole, []byte("vips 1"), []byte("vips 2"), 1),
		"something else":   []byte("hello\nworld"),
		"one name twice":   sealed([]byte(`{"gateway":"east/e-0","vips":[{"name":"a","namespace":"b","vip":"127.80.0.1"},{"name":"a","namespace":"b","vip":"127.80.0.2"}]}`)),
		"one VIP twice":    sealed([]byte(`{"gateway":"east/e-0","vips":[{"name":"a","namespace":"b","vip":"127.80.0.1"},{"name":"c","namespace":"b","vip":"127.80.0.1"}]}`)),
		"more behind":      append(bytes.Clone(whole), '\n'),
		"checksum removed": append([]byte(vipMagic+"\n"), whole[bytes.IndexByte(whole, '\n')+1:]...),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vips")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			var log bytes.Buffer
			v, err := OpenVIPs(VIPConfig{Range: loopback, Gateway: self, Path: path, Log: zerolog.New(&log)})
			require.NoError(t, err, "it starts anyway")
			require.Contains(t, log.String(), "vip file damaged")
			kept, err := os.ReadFile(path + ".damaged")
			require.NoError(t, err)
			require.Equal(t, content, kept)
			assigned(t, v, names)
			mended, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, whole, mended, "the same addresses")
		})
	}
	path := filepath.Join(t.TempDir(), "vips")
	require.NoError(t, os.WriteFile(path, other, 0o600))
	_, err = OpenVIPs(VIPConfig{Range: loopback, Gateway: self, Path: path})
	require.EqualError(t, err, "vips: "+path+" belongs to gateway west/w-0, this is east/e-0: each gateway needs a data directory of its own")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, other, kept, "untouched")
}

// FuzzDecodeVIPs reads what a disk may hold, with a right checksum, or the file would be refused before it is looked at.
// What is accepted is valid, and survives being written again.
func FuzzDecodeVIPs(f *testing.F) {
	whole, err := encodeVIPs(self, map[registry.VIPName]netip.Addr{vipName("web", ""): addressAt(loopback, 7), vipName("web", "west"): addressAt(loopback, 8)})
	require.NoError(f, err)
	body := whole[bytes.IndexByte(whole, '\n')+1:]
	f.Add(body)
	f.Add(body[:len(body)-1])
	f.Add([]byte(`{"gateway":"east/e-0","vips":[{"name":"a","namespace":"b","vip":"127.0.0.1"},{"name":"a","namespace":"b","vip":"127.0.0.2"}]}`))
	f.Add([]byte(`{"gateway":"east","vips":null}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"gateway":"east/e-0","vips":[{"name":"../a","namespace":"","cluster":"-","vip":"::1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		owner, held, err := decodeVIPs(sealed(body))
		if err != nil {
			return
		}
		for name, addr := range held {
			require.NoError(t, name.Validate())
			require.True(t, addr.Is4())
		}
		again, err := encodeVIPs(owner, held)
		require.NoError(t, err)
		sameOwner, sameHeld, err := decodeVIPs(again)
		require.NoError(t, err)
		require.Equal(t, owner, sameOwner)
		require.Equal(t, held, sameHeld)
	})
}
