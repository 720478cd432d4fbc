package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/grapevine-mesh/grapevine/registry"
)

// saveDelay gathers changes: they come in swarms.
const saveDelay = time.Second

// recall reads the peers file. It holds nothing that the seeds couldn't bring, so that a file which can't be believed is
// set aside, and the start goes on.
func (r *Ring) recall() {
	if r.cfg.PeersFile == "" {
		return
	}
	log := r.cfg.Log.With().Str("file", r.cfg.PeersFile).Logger()
	known, err := readPeers(r.cfg.PeersFile, r.cfg.Self)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errNotPeers), errors.Is(err, errPeersSum), errors.Is(err, errPeersOwner):
		aside := fmt.Sprintf("%s.refused-%d", r.cfg.PeersFile, time.Now().Unix())
		if failure := os.Rename(r.cfg.PeersFile, aside); failure != nil {
			aside, err = "", errors.Join(err, failure)
		}
		log.Error().Err(err).Str("kept_as", aside).Msg("peers file refused and set aside, starting without it")
	case err != nil:
		log.Error().Err(err).Msg("peers file can't be read, starting without it")
	}
	for _, a := range known {
		r.peers.meet(a)
		r.cfg.Links.Learn(a.Gateway, a.Advertise)
	}
}

func readPeers(name string, self registry.Gateway) ([]acquaintance, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxPeersBytes))
	if err != nil {
		return nil, err
	}
	return decodePeers(self, content)
}

// keepPeers writes the file some time after each change, until ctx ends, and then once more.
func (r *Ring) keepPeers(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-r.peers.change:
			select {
			case <-ctx.Done():
			case <-time.After(saveDelay):
			}
		}
		err := r.writePeers()
		if err != nil && !failing {
			r.cfg.Log.Error().Err(err).Str("file", r.cfg.PeersFile).Msg("peers file can't be written, trying again with each change")
		}
		failing = err != nil
	}
}

// writePeers replaces the file as a whole, so that a crash leaves the old one or the new one.
func (r *Ring) writePeers() error {
	r.peers.seen(func(g registry.Gateway) bool { return r.view.state(g).present() }, time.Now())
	content, err := encodePeers(r.cfg.Self, r.peers.list())
	if err != nil {
		return err
	}
	return renameio.WriteFile(r.cfg.PeersFile, content, 0o600, renameio.WithTempDir(filepath.Dir(r.cfg.PeersFile)))
}
