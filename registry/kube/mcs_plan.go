package kube

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

// mcsChange is one write that makes an object what it should be.
type mcsChange struct {
	key     mcsKey
	seen    bool           // the object is there
	uid     types.UID      // and this is which
	body    map[string]any // what to apply; nil: delete it
	content string         // tells one wish for this object from another
	after   time.Duration  // how long it must have been wished
}

// plan compares what should be with what is. foreign are the objects of others that stand where ours should.
func (f *mcsFacts) plan() (changes []mcsChange, foreign []mcsKey) {
	d := mcsDraft{facts: f, wanted: map[mcsKey]bool{}}
	for _, view := range f.views() {
		d.conditions(&view)
	}
	if f.directory.Ready() { // before that, what isn't in it may not be known yet, and so who is the oldest
		d.services()
		d.remove()
	}
	slices.SortFunc(d.changes, func(a, b mcsChange) int { return a.key.compare(b.key) })
	return d.changes, d.foreign
}

// mcsDraft is a plan in the making.
type mcsDraft struct {
	facts   *mcsFacts
	wanted  map[mcsKey]bool
	changes []mcsChange
	foreign []mcsKey
}

// services plans what is there of each imported service: its slices, its import, and the import's status, once that is
// there to have one.
func (d *mcsDraft) services() {
	slicesThere, importsThere := byKey(mcsSlice, d.facts.slices), byKey(mcsImport, d.facts.imports)
	address, present := d.facts.addresses(), d.facts.present()
	for _, s := range d.facts.services() {
		for _, slice := range s.slices(address) {
			key := mcsKey{mcsSlice, slice.Namespace, slice.Name}
			d.slice(key, slicesThere[key], slice)
		}
		want := s.serviceImport()
		key := mcsKey{mcsImport, want.Namespace, want.Name}
		if have := importsThere[key]; d.serviceImport(key, have, want) {
			d.importStatus(have, s.importStatus(present[s.name], have.Generation))
		}
	}
}

func (d *mcsDraft) slice(key mcsKey, have, want *discovery.EndpointSlice) {
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
func (d *mcsDraft) serviceImport(key mcsKey, have, want *mcs.ServiceImport) bool {
	d.wanted[key] = true
	var seen *meta.ObjectMeta
	if have != nil {
		if seen = &have.ObjectMeta; importAsWanted(have, want) {
			return true
		}
	}
	d.apply(key, seen, want.Annotations[mcsAppliedAnnotation], &want.ObjectMeta, map[string]any{"spec": want.Spec})
	return false
}

func (d *mcsDraft) importStatus(have *mcs.ServiceImport, want mcs.ServiceImportStatus) {
	if importStatusAsWanted(&have.Status, &want) {
		return
	}
	content := hashOf(want)
	want.Conditions = stamped(want.Conditions, have.Status.Conditions, d.facts.now)
	d.status(mcsImportStatus, have, content, want)
}

func (d *mcsDraft) conditions(v *exportView) {
	have, want := v.export.Status.Conditions, v.conditions()
	if !sameConditions(have, want, mcs.ServiceExportConditionValid, mcs.ServiceExportConditionReady, mcs.ServiceExportConditionConflict) {
		content := hashOf(want)
		d.status(mcsExportStatus, v.export, content, mcs.ServiceExportStatus{Conditions: stamped(want, have, d.facts.now)})
	}
}

// apply plans to write an object, unless it is somebody else's. seen is nil where it isn't there.
func (d *mcsDraft) apply(key mcsKey, seen *meta.ObjectMeta, content string, want *meta.ObjectMeta, body map[string]any) {
	change := mcsChange{key: key, content: content, body: body}
	if seen != nil {
		if !mcsOurs(seen) {
			d.foreign = append(d.foreign, key)
			return
		}
		change.seen, change.uid = true, seen.UID
	}
	body["metadata"] = mcsMeta{
		Namespace: want.Namespace, Name: want.Name, UID: change.uid, Labels: want.Labels, Annotations: want.Annotations,
	}
	d.changes = append(d.changes, change)
}

// status plans to write the status of an object that is there.
func (d *mcsDraft) status(kind mcsKind, have meta.Object, content string, status any) {
	key := mcsKey{kind, have.GetNamespace(), have.GetName()}
	d.changes = append(d.changes, mcsChange{key: key, seen: true, uid: have.GetUID(), content: content, body: map[string]any{
		"metadata": mcsMeta{Namespace: key.namespace, Name: key.name, UID: have.GetUID()},
		"status":   status,
	}})
}

// remove plans to delete what is ours and isn't wanted. A namespace that goes takes its objects along by itself.
func (d *mcsDraft) remove() {
	lasting := d.facts.lasting()
	remove := func(kind mcsKind, o meta.Object) {
		key := mcsKey{kind, o.GetNamespace(), o.GetName()}
		if mcsOurs(o) && !d.wanted[key] && lasting[key.namespace] {
			d.changes = append(d.changes, mcsChange{key: key, seen: true, uid: o.GetUID(), content: "gone", after: caution})
		}
	}
	for _, i := range d.facts.imports {
		remove(mcsImport, i)
	}
	for _, slice := range d.facts.slices {
		remove(mcsSlice, slice)
	}
}

// mcsMeta is what is applied of an object's metadata. With its UID, an object that took the place of the one that was seen
// is refused rather than overwritten.
type mcsMeta struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	UID         types.UID         `json:"uid,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func byKey[T meta.Object](kind mcsKind, objects []T) map[mcsKey]T {
	all := make(map[mcsKey]T, len(objects))
	for _, o := range objects {
		all[mcsKey{kind, o.GetNamespace(), o.GetName()}] = o
	}
	return all
}
