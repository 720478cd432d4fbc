package daemon

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// dataDir is the gateway's directory for what must outlive a restart. It belongs to one gateway, and to one process at a
// time. Every file in it can be lost at the price of a slower start; none that is damaged keeps the gateway from starting.
//
//	lock          held while a process uses the directory
//	gateway.json  whose directory this is
//	epoch         the last start's number (registry)
//	reset-key     lets peers notice a restart at once (QUIC stateless reset, RFC 9000 §10.3)
//	peers         gateways ever seen (gossip)
//	vips          the services' local addresses (registry/file)
type dataDir struct {
	path     string
	lock     *os.File
	Epoch    uint64
	ResetKey [32]byte
}

type owner struct {
	Version int              `json:"version"`
	Mesh    string           `json:"mesh"`
	Gateway registry.Gateway `json:"gateway"`
}

// openDataDir takes the directory for this process. It refuses one of another gateway or another process.
func openDataDir(path string, mesh string, self registry.Gateway, log zerolog.Logger) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, keyError("data", err)
	}
	d := &dataDir{path: path}
	if err := d.hold(); err != nil {
		return nil, err
	}
	err := d.claim(owner{Version: 1, Mesh: mesh, Gateway: self}, log)
	if err == nil {
		d.Epoch, err = registry.LoadEpoch(d.file("epoch"), time.Now())
	}
	if err == nil {
		err = d.loadResetKey(log)
	}
	if err != nil {
		d.Close()
		return nil, keyError("data", err)
	}
	return d, nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) hold() error {
	lock, err := os.OpenFile(d.file("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return keyError("data", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return keyError("data", fmt.Errorf("%s is in use by another gateway that runs now; give each gateway a directory of its own", d.path))
	}
	d.lock = lock
	return nil
}

// claim writes whose directory this is, or refuses what is another's. A mark that can't be read is put aside: the files
// beside it carry their owner too.
func (d *dataDir) claim(self owner, log zerolog.Logger) error {
	mark := d.file("gateway.json")
	text, err := os.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		var found owner
		if broken := json.Unmarshal(text, &found); broken != nil || found.Gateway.IsZero() {
			log.Warn().Str("file", mark).Msg("damaged mark of the data directory replaced")
		} else if found != self {
			return fmt.Errorf("%s belongs to %s of mesh %s, and this is %s of mesh %s; give each gateway a directory of its own", d.path, found.Gateway, found.Mesh, self.Gateway, self.Mesh)
		} else {
			return nil
		}
	}
	text, err = json.Marshal(self)
	if err != nil {
		return err
	}
	return renameio.WriteFile(mark, append(text, '\n'), 0o600)
}

func (d *dataDir) loadResetKey(log zerolog.Logger) error {
	name := d.file("reset-key")
	text, err := os.ReadFile(name)
	if err == nil && len(text) == len(d.ResetKey) {
		copy(d.ResetKey[:], text)
		return nil
	}
	if err == nil {
		log.Warn().Str("file", name).Msg("damaged reset key replaced")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rand.Read(d.ResetKey[:])
	return renameio.WriteFile(name, d.ResetKey[:], 0o600)
}

// Close gives the directory up.
func (d *dataDir) Close() { d.lock.Close() }
