package kube

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A trouble is why nothing is heard of a resource.
type trouble int

const (
	well      trouble = iota
	silent            // no answer, or one that says as much
	forbidden         // the answer is that we may not ask
	missing           // there is no such resource
)

// refusalCounts is how long we must have been refused for it to be told: an API server that starts refuses everything until
// it has read the roles.
const refusalCounts = 10 * time.Second

// A contact knows how the API server can be read. It tells once when it goes away and once when it is back, not at every
// attempt.
type contact struct {
	log zerolog.Logger
	now func() time.Time

	mu        sync.Mutex
	troubles  map[string]*standing // by resource; those that are well aren't here
	awaySince time.Time
}

// A standing is the trouble with one resource.
type standing struct {
	trouble trouble
	since   time.Time
	told    bool
}

func newContact(log zerolog.Logger, now func() time.Time) *contact {
	return &contact{log: log, now: now, troubles: map[string]*standing{}}
}

// note takes the outcome of a request.
func (c *contact) note(ctx context.Context, resource string, err error) {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, trouble, before := c.now(), troubleOf(err), c.troubles[resource]
	switch {
	case trouble == well:
		delete(c.troubles, resource)
		if before != nil && before.told {
			c.log.Info().Str("resource", resource).Msg("readable at the Kubernetes API server")
		}
	case before == nil || before.trouble != trouble:
		c.troubles[resource] = &standing{trouble: trouble, since: now}
	}
	if after := c.troubles[resource]; after != nil {
		c.tellLocked(resource, after, now, err)
	}
	c.tellAwayLocked(now, err)
}

// tellLocked tells of what concerns one resource.
func (c *contact) tellLocked(resource string, s *standing, now time.Time, err error) {
	switch {
	case s.told:
	case s.trouble == missing:
		s.told = true
		c.log.Info().Str("resource", resource).Msg("the Kubernetes API server has no such resource")
	case s.trouble == forbidden && now.Sub(s.since) >= refusalCounts:
		s.told = true
		c.log.Error().Err(err).Str("resource", resource).Str("mend", "allow list and watch on "+resource+" in Grapevine's ClusterRole").
			Msg("not allowed to read from the Kubernetes API server: what was known stays")
	}
}

// tellAwayLocked tells of what concerns all.
func (c *contact) tellAwayLocked(now time.Time, err error) {
	away := false
	for _, s := range c.troubles {
		away = away || s.trouble == silent
	}
	switch {
	case away && c.awaySince.IsZero():
		c.awaySince = now
		c.log.Warn().Err(err).Msg("the Kubernetes API server doesn't answer: what was known stays")
	case !away && !c.awaySince.IsZero():
		c.log.Info().Dur("after", now.Sub(c.awaySince)).Msg("the Kubernetes API server answers again")
		c.awaySince = time.Time{}
	}
}

func troubleOf(err error) trouble {
	switch {
	case err == nil:
		return well
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return forbidden
	case apierrors.IsNotFound(err):
		return missing
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsTooManyRequests(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return well // the server answers
	case apierrors.IsTimeout(err) && apierrors.HasStatusCause(err, "ResourceVersionTooLarge"):
		return well
	}
	return silent
}

// since returns when it went away, or the zero time.
func (c *contact) since() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.awaySince
}
