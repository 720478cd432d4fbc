package daemon

import (
	"context"
	"fmt"
	"sync"

	"github.com/rs/zerolog"
)

// parts run beside one another and stop in the reverse order of their start, each completely before the next. Whichever
// ends by itself ends them all.
type parts struct {
	log     zerolog.Logger
	running []*part
	mu      sync.Mutex
	failed  error
	ended   chan struct{} // closed when the first part ended by itself
}

type part struct {
	name string
	stop context.CancelFunc
	done chan struct{}
}

func newParts(log zerolog.Logger) *parts {
	return &parts{log: log, ended: make(chan struct{})}
}

// Go starts run. Its context isn't the caller's: it ends when it is this part's turn to stop.
func (p *parts) Go(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	started := &part{name: name, stop: cancel, done: make(chan struct{})}
	p.running = append(p.running, started)
	go func() { // waited for in Stop
		defer close(started.done)
		err := run(ctx)
		if ctx.Err() == nil {
			p.fail(name, err)
		} else if err != nil {
			p.log.Warn().Err(err).Str("part", name).Msg("part stopped with an error")
		}
	}()
}

func (p *parts) fail(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return
	}
	p.failed = fmt.Errorf("%s: ended: %w", name, err)
	close(p.ended)
}

// Ended is closed when a part ended by itself.
func (p *parts) Ended() <-chan struct{} { return p.ended }

// Stop ends every part, the last started first, and returns why they had to, where one had ended by itself.
func (p *parts) Stop() error {
	for i := len(p.running) - 1; i >= 0; i-- {
		p.running[i].stop()
		<-p.running[i].done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}
