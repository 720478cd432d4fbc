package mcs

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grapevine-mesh/grapevine/registry/kube"
)

// fieldManager owns the fields that are applied here. All gateways of a cluster share it: they say the same.
const fieldManager = "grapevine-mcs"

const (
	writers   = 8
	writeTime = 30 * time.Second // for all that is due at one look; what isn't done by then is due again
)

// errUntried is what became of changes that weren't tried, as another had found the API server away: [kube.Away] counts it with those.
var errUntried = errors.New("not tried: the API server is away")

// writeAll makes changes, a few at a time, and returns what became of each when all are made or have failed. A failure is one
// object's, unless the API server is away.
func (m *MCS) writeAll(ctx context.Context, changes []change) []error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	failures := make([]error, len(changes))
	var away atomic.Bool
	var writing errgroup.Group
	writing.SetLimit(writers)
	for i := range changes {
		writing.Go(func() error {
			if away.Load() {
				failures[i] = errUntried
				return nil
			}
			failures[i] = m.write(ctx, changes[i])
			if kube.Away(failures[i]) {
				away.Store(true)
			}
			return nil
		})
	}
	_ = writing.Wait()
	return failures
}

// write makes one change.
func (m *MCS) write(ctx context.Context, c change) error {
	if c.body == nil {
		return m.delete(ctx, c)
	}
	term, body := c.key.kind.term(), maps.Clone(c.body)
	body["apiVersion"], body["kind"] = term.version, term.kind
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	// Where there was nothing, it isn't forced: should others be quicker, their object stays theirs.
	options := meta.PatchOptions{FieldManager: fieldManager, Force: new(c.seen)}
	multi, apply := m.config.Client.MCS.MulticlusterV1beta1(), types.ApplyPatchType
	switch c.key.kind {
	case kindSlice:
		_, err = m.config.Client.Core.DiscoveryV1().EndpointSlices(c.key.namespace).Patch(ctx, c.key.name, apply, data, options)
	case kindImport:
		_, err = multi.ServiceImports(c.key.namespace).Patch(ctx, c.key.name, apply, data, options)
	case kindImportStatus:
		_, err = multi.ServiceImports(c.key.namespace).Patch(ctx, c.key.name, apply, data, options, "status")
	case kindExportStatus:
		_, err = multi.ServiceExports(c.key.namespace).Patch(ctx, c.key.name, apply, data, options, "status")
	}
	return err
}

// delete removes the object that was seen, and no other of its name.
func (m *MCS) delete(ctx context.Context, c change) error {
	options := meta.DeleteOptions{}
	if c.uid != "" {
		options.Preconditions = &meta.Preconditions{UID: &c.uid}
	}
	var err error
	if c.key.kind == kindSlice {
		err = m.config.Client.Core.DiscoveryV1().EndpointSlices(c.key.namespace).Delete(ctx, c.key.name, options)
	} else {
		err = m.config.Client.MCS.MulticlusterV1beta1().ServiceImports(c.key.namespace).Delete(ctx, c.key.name, options)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
