package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

const fetchFrom = 3 // peers that are asked for a certificate: whoever has a link to its owner knows it

// FetchKey gets a certificate into the keyring by asking a few peers: random ones of those that are alive and of others
// that the caller can reach, such as the one that is just being joined.
func (s *Sync) FetchKey(ctx context.Context, f Fingerprint, others ...Gateway) error {
	keys := s.config.Store.config.Keyring
	if keys.knows(f) {
		return nil
	}
	s.mu.Lock()
	for _, p := range s.aliveLocked() {
		others = append(others, p.gateway)
	}
	s.mu.Unlock()
	slices.SortFunc(others, Gateway.Compare)
	errs := make([]error, fetchFrom)
	var asked sync.WaitGroup
	for i, g := range draw(slices.Compact(others), fetchFrom, s.config.Pick) {
		asked.Go(func() {
			in, err := s.request(ctx, g, &frame{Lacking: [][]byte{f[:]}})
			if err == nil {
				_, err = keys.Add(in.chains()[f])
			}
			errs[i] = err
		})
	}
	asked.Wait()
	if keys.knows(f) {
		return nil
	}
	return fmt.Errorf("certificate %s: nobody who was asked has it: %w", f, errors.Join(errs...))
}
