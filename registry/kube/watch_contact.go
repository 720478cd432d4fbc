package kube

import (
	"context"
	"errors"
	"maps"
	"slices"
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

// A contact knows how the API server can be read. It tells once when it goes away and once when it is back, not at every
// attempt.
type contact struct {
	log zerolog.Logger
	now func() time.Time

	mu        sync.Mutex
	troubles  map[string]trouble // by resource; those that are well aren't here
	awaySince time.Time
}

func newContact(log zerolog.Logger, now func() time.Time) *contact {
	return &contact{log: log, now: now, troubles: map[string]trouble{}}
}

// note takes the outcome of a request.
func (c *contact) note(ctx context.Context, resource string, err error) {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before, after := c.troubles[resource], troubleOf(err)
	if before == after {
		return
	}
	c.troubles[resource] = after
	if after == well {
		delete(c.troubles, resource)
	}
	c.tellLocked(resource, before, after, err)
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

func (c *contact) tellLocked(resource string, before, after trouble, err error) {
	switch after {
	case forbidden:
		c.log.Error().Err(err).Str("resource", resource).Str("mend", "allow get, list and watch on "+resource+" in Grapevine's ClusterRole").
			Msg("not allowed to read from the Kubernetes API server: what was known stays")
	case missing:
		c.log.Info().Str("resource", resource).Msg("the Kubernetes API server has no such resource")
	case well:
		if before != silent {
			c.log.Info().Str("resource", resource).Msg("readable at the Kubernetes API server")
		}
	}
	anyAway := slices.Contains(slices.Collect(maps.Values(c.troubles)), silent)
	switch {
	case anyAway && c.awaySince.IsZero():
		c.awaySince = c.now()
		c.log.Warn().Err(err).Msg("the Kubernetes API server doesn't answer: what was known stays")
	case !anyAway && !c.awaySince.IsZero():
		c.log.Info().Dur("after", c.now().Sub(c.awaySince)).Msg("the Kubernetes API server answers again")
		c.awaySince = time.Time{}
	}
}

// since returns when it went away, or the zero time.
func (c *contact) since() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.awaySince
}
