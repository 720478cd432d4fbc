package imports

import (
	"context"
	"fmt"
	"time"
)

const (
	coverCheck = 100 * time.Millisecond
	coverWait  = 2 * time.Second
)

// Withdraw takes this gateway's endpoints out of all derived Services, before it stops on purpose, and has nothing written any
// more. The cluster's last gateway leaves its endpoints where they are: it comes back to them, and until then nothing would
// serve better. Where a sibling has just come, Withdraw waits for it for a moment.
//
// When ctx ends first, the endpoints stay as they are, and a sibling removes them once this gateway has left.
func (i *Importer) Withdraw(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, coverWait)
	i.awaitCover(waiting)
	cancel()

	i.withdrawn.Store(true) // those who are writing stop after the request that they are at
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return fmt.Errorf("kube: slices not removed: %w", context.Cause(ctx))
	}
	if !i.hasSibling() {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("kube: slices not removed: %w", context.Cause(ctx))
	}
	_, _, err := i.writer.make(ctx, &change{verb: clearAll, clear: i.config.Self.Name, reason: "withdrawn"})
	return err
}

func (i *Importer) hasSibling() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, state := range i.siblings {
		if state == SiblingLive {
			return true
		}
	}
	return false
}

// awaitCover waits until live siblings have endpoints wherever we have, or there is no sibling.
func (i *Importer) awaitCover(ctx context.Context) {
	ticker := time.NewTicker(coverCheck)
	defer ticker.Stop()
	for i.hasSibling() && !i.covered() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (i *Importer) covered() bool {
	s, err := i.read()
	if err != nil {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	covered := map[string]bool{}
	for _, there := range s.slices {
		if !there.foreign && i.siblings[there.gateway] == SiblingLive {
			covered[there.service] = true
		}
	}
	for object := range s.ownSlices() {
		if !covered[object] {
			return false
		}
	}
	return true
}
