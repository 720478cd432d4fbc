package mcs

import (
	"slices"
	"time"

	discovery "k8s.io/api/discovery/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	mcs "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// caution is how long an object has to be unwanted before it is deleted, so that a link that flaps, or an export that is
// replaced, writes nothing. The API allows 20 s for an un-export to take effect.
const caution = 5 * time.Second

// change is one write that makes an object what it should be.
type change struct {
	key     objectKey
	seen    bool           // the object is there
	uid     types.UID      // and this is which
	body    map[string]any // what to apply; nil: delete it
	content string         // tells one wish for this object from another
	after   time.Duration  // how long it must have been wished
}

// plan is what has to be done.
type plan struct {
	changes  []change
	foreign  []objectKey // objects of others that stand where ours should
	unplaced bool        // something waits for a VIP
}

// plan compares what should be with what is.
func (f *facts) plan() plan {
	d := draft{facts: f, wanted: map[objectKey]bool{}}
	for _, view := range f.views() {
		d.conditions(&view)
	}
	if f.directory.Ready() { // before that, what isn't in it may not be known yet, and so who is the oldest
		d.services()
		d.remove()
	}
	slices.SortFunc(d.changes, func(a, b change) int { return a.key.compare(b.key) })
	return d.plan
}

// draft is a plan in the making.
type draft struct {
	plan
	facts  *facts
	wanted map[objectKey]bool
}

// services plans what is there of each imported service: its slices, its import, and the import's status, once that is
// there to have one.
func (d *draft) services() {
	slicesThere, importsThere := byKey(kindSlice, d.facts.slices), byKey(kindImport, d.facts.imports)
	address, present := d.facts.addresses(), d.facts.present()
	for _, s := range d.facts.services() {
		wanted, unplaced := s.slices(address)
		d.unplaced = d.unplaced || unplaced || len(s.vip) == 0 && !s.union.Headless
		for _, slice := range wanted {
			key := objectKey{kindSlice, slice.Namespace, slice.Name}
			d.slice(key, slicesThere[key], slice)
		}
		want := s.serviceImport()
		key := objectKey{kindImport, want.Namespace, want.Name}
		if have := importsThere[key]; d.serviceImport(key, have, want) {
			d.importStatus(have, s.importStatus(present[s.name], have.Generation))
		}
	}
}

func (d *draft) slice(key objectKey, have, want *discovery.EndpointSlice) {
	d.wanted[key] = true
	var seen *meta.ObjectMeta
	if have != nil {
		if seen = &have.ObjectMeta; sliceAsWanted(have, want) {
			return
		}
	}
	d.apply(key, seen, hashOf(want.Labels, want.Endpoints, want.Ports), &want.ObjectMeta, map[string]any{
		"addressType": want.AddressType, "endpoints": want.Endpoints, "ports": want.Ports,
	})
}

// serviceImport tells whether the import is there as wanted.
func (d *draft) serviceImport(key objectKey, have, want *mcs.ServiceImport) bool {
	d.wanted[key] = true
	var seen *meta.ObjectMeta
	if have != nil {
		if seen = &have.ObjectMeta; importAsWanted(have, want) {
			return true
		}
	}
	d.apply(key, seen, want.Annotations[appliedAnnotation], &want.ObjectMeta, map[string]any{"spec": want.Spec})
	return false
}

func (d *draft) importStatus(have *mcs.ServiceImport, want mcs.ServiceImportStatus) {
	if importStatusAsWanted(&have.Status, &want) {
		return
	}
	content := hashOf(want)
	want.Conditions = stamped(want.Conditions, have.Status.Conditions, d.facts.now)
	d.status(kindImportStatus, have, content, want)
}

func (d *draft) conditions(v *exportView) {
	have, want := v.export.Status.Conditions, v.conditions()
	if !sameConditions(have, want, mcs.ServiceExportConditionValid, mcs.ServiceExportConditionReady, mcs.ServiceExportConditionConflict) {
		content := hashOf(want)
		d.status(kindExportStatus, v.export, content, mcs.ServiceExportStatus{Conditions: stamped(want, have, d.facts.now)})
	}
}

// apply plans to write an object, unless it is somebody else's. seen is nil where it isn't there.
func (d *draft) apply(key objectKey, seen *meta.ObjectMeta, content string, want *meta.ObjectMeta, body map[string]any) {
	change := change{key: key, content: content, body: body}
	if seen != nil {
		if !isOurs(seen) {
			d.foreign = append(d.foreign, key)
			return
		}
		change.seen, change.uid = true, seen.UID
	}
	body["metadata"] = metaOf{
		Namespace: want.Namespace, Name: want.Name, UID: change.uid, Labels: want.Labels, Annotations: want.Annotations,
	}
	d.changes = append(d.changes, change)
}

// status plans to write the status of an object that is there.
func (d *draft) status(kind objectKind, have meta.Object, content string, status any) {
	key := objectKey{kind, have.GetNamespace(), have.GetName()}
	d.changes = append(d.changes, change{key: key, seen: true, uid: have.GetUID(), content: content, body: map[string]any{
		"metadata": metaOf{Namespace: key.namespace, Name: key.name, UID: have.GetUID()},
		"status":   status,
	}})
}

// remove plans to delete what is ours and isn't wanted. A namespace that goes takes its objects along by itself.
func (d *draft) remove() {
	lasting := d.facts.lasting()
	remove := func(kind objectKind, o meta.Object) {
		key := objectKey{kind, o.GetNamespace(), o.GetName()}
		if isOurs(o) && !d.wanted[key] && lasting[key.namespace] {
			d.changes = append(d.changes, change{key: key, seen: true, uid: o.GetUID(), content: "gone", after: caution})
		}
	}
	for _, i := range d.facts.imports {
		remove(kindImport, i)
	}
	for _, slice := range d.facts.slices {
		remove(kindSlice, slice)
	}
}

// metaOf is what is applied of an object's metadata. With its UID, an object that took the place of the one that was seen
// is refused rather than overwritten.
type metaOf struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	UID         types.UID         `json:"uid,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func byKey[T meta.Object](kind objectKind, objects []T) map[objectKey]T {
	all := make(map[objectKey]T, len(objects))
	for _, o := range objects {
		all[objectKey{kind, o.GetNamespace(), o.GetName()}] = o
	}
	return all
}
