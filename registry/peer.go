package registry

import (
	"context"
	"errors"
	"time"
)

const (
	// maxRounds ends a conversation with a peer that never has enough. Of a full registry a frame's worth is left each time.
	maxRounds = 64
	// maxComparisons bounds how many peers everything is compared with at once: after a split has healed, the first few
	// bring all there is, and the others turn out to be equal.
	maxComparisons = 32
	// firstRetry is how soon a peer that couldn't be told is tried again; each further time takes twice as long.
	firstRetry = 100 * time.Millisecond
)

var (
	errRefused   = errors.New("registry: the peer refused the frame")
	errTalkative = errors.New("registry: the peer never comes to an end")
)

// A peer is another gateway that is alive, and what it has yet to be told.
type peer struct {
	gateway Gateway
	stop    context.CancelFunc // set when its goroutine was started
	wake    chan struct{}      // one slot: there is something to do
	hurry   chan struct{}      // one slot: don't wait for the next retry

	// Guarded by Sync.mu.
	news   news
	resync bool // compare everything
	synced bool
}

func newPeer(g Gateway) *peer {
	return &peer{
		gateway: g, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		news: news{}, resync: true,
	}
}

// attend talks with one peer, whenever there is something to talk about, until ctx ends.
func (s *Sync) attend(ctx context.Context, p *peer) {
	retry := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		err := s.converse(ctx, p)
		if err == nil {
			retry = firstRetry
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-p.hurry:
		case <-time.After(retry/2 + time.Duration(s.config.Pick(uint64(retry)))):
		}
		retry = min(2*retry, s.config.Interval)
		raise(p.wake)
	}
}

// converse tells a peer what it has yet to be told, and compares everything with it where that is due. What failed is to be
// done again.
func (s *Sync) converse(ctx context.Context, p *peer) error {
	s.mu.Lock()
	untold, resync := p.news, p.resync
	p.news, p.resync = news{}, false
	s.mu.Unlock()

	err := s.talk(ctx, p.gateway, s.config.Store.tell(untold), true)
	if err == nil && resync {
		err = s.compare(ctx, p.gateway)
	}

	s.mu.Lock()
	compared := err == nil && resync && !p.resync && s.peers[p.gateway] == p
	if compared {
		p.synced = true
		s.settleLocked()
	}
	if err != nil {
		p.news.join(untold)
		p.resync = p.resync || resync
	}
	s.mu.Unlock()
	if compared && s.config.OnSynced != nil {
		s.config.OnSynced(p.gateway)
	}
	return err
}

// compare exchanges with a peer all that one of the two has and the other lacks.
func (s *Sync) compare(ctx context.Context, with Gateway) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.comparing <- struct{}{}:
	}
	defer func() { <-s.comparing }()
	root := s.config.Store.Root()
	return s.talk(ctx, with, &frame{Root: root[:]}, false)
}

// talk says out, and answers what comes back, until there is no more to say. With news, what is told in between is told
// because the other lacked what came before the news, and is worth passing on as well.
func (s *Sync) talk(ctx context.Context, to Gateway, out *frame, news bool) error {
	for range maxRounds {
		if out.empty() {
			return nil
		}
		out.News = news
		in, err := s.request(ctx, to, out)
		if err != nil {
			return err
		}
		out = s.config.Store.answer(to, in, time.Now())
	}
	return errTalkative
}

// request sends a frame and returns the reply.
func (s *Sync) request(ctx context.Context, to Gateway, out *frame) (*frame, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	reply, err := s.config.Peers.Request(ctx, to, out.encode())
	if err != nil {
		return nil, err
	}
	if len(reply) == 0 {
		return nil, errRefused
	}
	return decodeFrame(reply)
}
