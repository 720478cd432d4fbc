package mcs

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
)

// report counts what was written, and logs what wasn't: a rule that the role lacks once, until it is there, and of other
// failures one for all.
func (m *MCS) report(ctx context.Context, changes []change, failures []error) {
	var s Stats
	var example *change
	var because error
	for i, err := range failures {
		c := &changes[i]
		switch {
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
		case harmless(err):
		case errors.IsForbidden(err):
			m.lacks(permission(c), c.key, err)
		default:
			example, because = c, err
		}
	}
	if example != nil && ctx.Err() == nil {
		m.config.Log.Warn().Err(because).Stringer("object", example.key).Uint64("failed", s.Failed).Msg("multi-cluster objects can't be written, and are tried again")
	}
	m.count(func(total *Stats) {
		total.Applied, total.Deleted, total.Failed = total.Applied+s.Applied, total.Deleted+s.Deleted, total.Failed+s.Failed
	})
}

func (m *MCS) lacks(rule string, key objectKey, err error) {
	if !m.lacking[rule] {
		m.lacking[rule] = true
		m.config.Log.Error().Err(err).Str("rule", rule).Stringer("object", key).Msg("the gateway's ClusterRole lacks a rule")
	}
}

// harmless tells whether a write failed for a reason that passes by itself.
func harmless(err error) bool {
	return errors.HasStatusCause(err, core.NamespaceTerminatingCause) || errors.IsConflict(err) || errors.IsNotFound(err)
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
