package imports

import (
	"context"
	"errors"
	"time"
)

const apiServer = "the API server"

// settle takes in what became of changes made in a situation.
func (i *Importer) settle(s *situation, results []result, now time.Time) {
	var unreachable error
	reached := false
	for _, r := range results {
		c := r.change
		log := i.config.Log.With().Str("verb", string(c.verb)).Str("kind", c.kind()).Str("object", c.object()).Str("reason", c.reason).Logger()
		switch {
		case errors.Is(r.err, context.Canceled):
		case r.err != nil:
			if away(r.err) {
				unreachable = r.err
			} else if i.state.backoff.failed(r.errand, r.err, now, longestPause, jitter()) {
				log.Error().Err(r.err).Msg("derived object not written")
			}
		default:
			reached = true
			delete(i.state.backoff, r.errand)
			i.state.ahead.done(c, r.service, r.slice, s, now)
			if c.verb != clearAll {
				log.Debug().Msg("derived object written")
				continue
			}
			log.Info().Msg("slices of a gateway removed")
			if c.reason == reasonLinkDown {
				i.tell(func() { delete(i.fallen, c.clear) })
			} else {
				i.state.backoff.hold(r.errand, now.Add(buryAgain))
			}
		}
	}
	i.notePause(unreachable, reached, now)
}

// notePause says once that the API server is away, and once that it is back. Nothing else changes.
func (i *Importer) notePause(unreachable error, reached bool, now time.Time) {
	was := i.state.pause[apiServer] != nil
	switch {
	case unreachable != nil:
		i.state.pause.failed(apiServer, unreachable, now, longestAway, jitter())
		if !was {
			i.config.Log.Warn().Err(unreachable).Msg("kubernetes API server away; derived objects stay as they are")
		}
	case reached && was:
		delete(i.state.pause, apiServer)
		i.config.Log.Info().Msg("kubernetes API server back")
	}
}
