package imports

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// away tells whether a failure is one of the way to the API server, or of its own, rather than of one object: so that others
// would fail alike.
func away(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err != nil && !errors.Is(err, errNotAsWritten) && !errors.Is(err, context.Canceled)
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsUnauthorized(err)
}
