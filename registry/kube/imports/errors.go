package imports

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// gone takes the absence of what was to be deleted for success, also where something else has its name now.
func gone(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}

// explain says what was being done, and, where the API server doesn't let us, what it should.
func explain(err error, c *change, namespace string) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf("%s %s %s in namespace %s", c.verb, c.kind(), c.object(), namespace)
	if !apierrors.IsForbidden(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	resource := "services"
	if c.service == nil {
		resource = "endpointslices (discovery.k8s.io)"
	}
	needs := string(c.verb)
	if c.verb == apply {
		needs = "create and patch"
	}
	return fmt.Errorf("%s: the gateway's service account needs the verb %s on %s there: %w", what, needs, resource, err)
}

// away tells whether others would fail alike: not where one object isn't what was written.
func away(err error) bool { return !errors.Is(err, errNotAsWritten) && kube.Away(err) }
