package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// Peers carry a frame to another gateway, and its reply back: what [Sync.Handle] returned there.
type Peers interface {
	Request(ctx context.Context, to Gateway, frame []byte) (reply []byte, err error)
}

// SyncConfig is what a Sync is made of.
type SyncConfig struct {
	Store    *Store
	Peers    Peers
	Interval time.Duration         // between two comparisons with a random peer; 0: 5 s
	OnSynced func(Gateway)         // called whenever everything was compared with a peer; must not block; may be nil
	Pick     func(n uint64) uint64 // a random number below n; nil: math/rand/v2
}

// Sync brings this gateway's entries to all others, and theirs here: what changes at once, and by comparing digests now
// and then what was lost on the way.
type Sync struct {
	config SyncConfig

	mu     sync.Mutex
	peers  map[Gateway]*peer // those that are alive
	synced bool

	regrouped chan struct{} // one slot: peers changed
	comparing chan struct{} // a slot for each comparison under way
}

// requestTimeout bounds one question and its answer, a full frame over a slow link.
const requestTimeout = 10 * time.Second

// NewSync returns a Sync that knows no peers. It starts nothing.
func NewSync(config SyncConfig) (*Sync, error) {
	if config.Store == nil || config.Peers == nil {
		return nil, errors.New("registry: sync without store or peers")
	}
	if config.Interval == 0 {
		config.Interval = 5 * time.Second
	}
	if config.Pick == nil {
		config.Pick = rand.Uint64N
	}
	return &Sync{
		config: config, peers: map[Gateway]*peer{},
		regrouped: make(chan struct{}, 1), comparing: make(chan struct{}, maxComparisons),
	}, nil
}

// Run spreads and compares until ctx ends. There is a goroutine for each peer, so that a slow one keeps nobody waiting.
func (s *Sync) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var talks sync.WaitGroup
	defer talks.Wait()
	defer cancel()

	s.regroup(ctx, &talks)
	digest := time.NewTimer(s.untilDigest())
	defer digest.Stop()
	var gathered <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.regrouped:
			s.regroup(ctx, &talks)
		case <-s.config.Store.changed:
			if gathered == nil {
				gathered = time.After(spreadDelay)
			}
		case <-gathered:
			gathered = nil
			s.spread()
		case <-digest.C:
			s.compareWithOne()
			digest.Reset(s.untilDigest())
		}
	}
}

// spread tells the audience what is news.
func (s *Sync) spread() {
	self, untold, ours := s.config.Store.config.Self, s.config.Store.takeNews(), news{}
	if v, ok := untold[self]; ok {
		ours[self] = v
		delete(untold, self)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, others := audience(len(s.peers))
	s.tellLocked(own, ours)
	s.tellLocked(others, untold)
}

// tellLocked has count random peers told what is news.
func (s *Sync) tellLocked(count int, untold news) {
	if len(untold) == 0 {
		return
	}
	for _, p := range draw(s.aliveLocked(), count, s.config.Pick) {
		p.news.join(untold)
		raise(p.wake)
	}
}

// compareWithOne begins a comparison with a random peer.
func (s *Sync) compareWithOne() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range draw(s.aliveLocked(), 1, s.config.Pick) {
		p.resync = true
		raise(p.wake)
	}
}

// untilDigest varies by a fifth, lest gateways that were started together compare together.
func (s *Sync) untilDigest() time.Duration {
	s.mu.Lock()
	wait := pause(s.config.Interval, len(s.peers))
	s.mu.Unlock()
	return wait*9/10 + time.Duration(s.config.Pick(uint64(wait/5)+1))
}

// Handle answers a frame of a peer; nil refuses it.
func (s *Sync) Handle(from Gateway, data []byte) []byte {
	in, err := decodeFrame(data)
	if err != nil {
		reason := Malformed
		if errors.Is(err, errFrameVersion) {
			reason = Unversioned
		}
		s.config.Store.refusals.add(from, reason, err)
		return nil
	}
	return s.config.Store.answer(from, in, time.Now()).encode()
}

// raise sets a one-slot flag.
func raise(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}
