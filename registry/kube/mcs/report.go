package mcs

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// report counts what was written, and logs what wasn't: that the API server is away, and a rule that the role lacks, once until
// that is over, and of other failures one for all.
func (m *MCS) report(ctx context.Context, changes []change, failures []error) {
	var s Stats
	var example *change
	var because, away error
	for i, err := range failures {
		c := &changes[i]
		switch {
		case err == errUntried:
			continue
		case err != nil:
			s.Failed++
		case c.body == nil:
			s.Deleted++
		default:
			s.Applied++
		}
		switch {
		case err == nil:
			delete(m.lacking, permission(c))
		case kube.Away(err):
			away = err
		case harmless(err):
		case apierrors.IsForbidden(err):
			m.lacks(permission(c), c.key, err)
		default:
			example, because = c, err
		}
	}
	if ctx.Err() == nil {
		m.noteAway(away, s.Applied+s.Deleted > 0)
		if example != nil {
			m.config.Log.Warn().Err(because).Stringer("object", example.key).Uint64("failed", s.Failed).Msg("multi-cluster objects can't be written, and are tried again")
		}
	}
	m.count(func(total *Stats) {
		total.Applied, total.Deleted, total.Failed = total.Applied+s.Applied, total.Deleted+s.Deleted, total.Failed+s.Failed
	})
}

// noteAway says once that the API server is away, and once that it is back.
func (m *MCS) noteAway(err error, wrote bool) {
	switch {
	case err != nil && !m.away:
		m.config.Log.Warn().Err(err).Msg("kubernetes API server away; multi-cluster objects stay as they are")
	case err == nil && wrote && m.away:
		m.config.Log.Info().Msg("multi-cluster objects are written again")
	}
	m.away = err != nil || m.away && !wrote
}

func (m *MCS) lacks(rule string, key objectKey, err error) {
	if !m.lacking[rule] {
		m.lacking[rule] = true
		m.config.Log.Error().Err(err).Str("rule", rule).Stringer("object", key).Msg("the gateway's ClusterRole lacks a rule")
	}
}

// harmless tells whether a write failed for a reason that passes by itself.
func harmless(err error) bool {
	return apierrors.HasStatusCause(err, core.NamespaceTerminatingCause) || apierrors.IsConflict(err) || apierrors.IsNotFound(err)
}

// permission is the rule that a role lacks for a change, as a ClusterRole has it. To apply what isn't there takes the right
// to create it too.
func permission(c *change) string {
	term, verbs := c.key.kind.term(), "patch"
	switch {
	case c.body == nil:
		verbs = "delete"
	case !c.seen:
		verbs = "create, patch"
	}
	return fmt.Sprintf("{apiGroups: [%s], resources: [%s], verbs: [%s]}", term.group, term.resource, verbs)
}
