package imports

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

const (
	// standInAfter is how long a gateway waits for the first of its cluster to write what they share.
	standInAfter = 3 * time.Second
	// takeAway is how long something has to be unwanted before it goes. An export that flaps keeps its VIP.
	takeAway = 5 * time.Second
	// hostRest is how long a host keeps its Service when it isn't ready, as a Pod of a StatefulSet that is being replaced. It comes
	// back under the same name, and with it whoever remembered its address.
	hostRest = 10 * time.Minute
	// unheardOf is how long nobody has to know a gateway before its slices go: one that was scaled away long ago, or that died with
	// all others and isn't back yet. Who joins the ring is told of all its members; one that lives all the same writes its slices anew.
	unheardOf = 2 * time.Second
)

// A situation is all that a plan depends on.
type situation struct {
	gateway  string // our own name
	podIPs   []netip.Addr
	ready    bool // the directory is all that the mesh has: what isn't wanted isn't there
	serving  bool // questions are answered
	imports  map[registry.VIPName]Import
	local    map[registry.VIPName]pods
	fronts   map[registry.VIPName]map[registry.PortNumber]uint16 // where we listen now
	siblings map[string]Sibling
	fallen   map[string]bool     // siblings whose link has just gone down
	services map[string]*derived // all of the namespace
	slices   map[string]*slice   // all of the namespace
	names    []*nameServer
}

// A change is one write. It is made when it was in every plan for as long as after says.
type change struct {
	verb    verb
	service *derived // of these three one
	slice   *slice
	clear   string // the gateway whose slices all go
	reason  string
	takes   string // what it takes away
	after   time.Duration
}

type verb string

const (
	apply    verb = "apply"
	remove   verb = "delete"
	clearAll verb = "deletecollection"
)

// An errand is what there is to do about one derived Service, or one dead gateway: writes in an order in which none leaves a
// port without endpoints, and which ends with the first that fails.
type errand struct {
	about   string
	changes []change
}

// An upshot is what follows from a situation. It is empty where everything is as it should be.
type upshot struct {
	errands  []errand                     // the most urgent first
	inPlace  map[registry.VIPName]reached // names that this gateway has done all for
	problems map[registry.VIPName]string
}

// reached says in which families a derived Service has endpoints by this gateway.
type reached struct{ v4, v6 bool }

// plan says what has to be written. One law holds for all of it: what is missing is added at once; what is there and isn't
// wanted stays, until it has been unwanted for a while and the directory is sure of it. So a port's endpoints are replaced by
// others in one write, and never by nothing.
//
// Objects have no owner references. A slice is written before its Service, whose UID it would need; a Service that somebody
// deletes comes back to slices that are still there; and slices that belong to a Pod would go with the cluster's last gateway
// while it restarts. Each gateway removes its own, and its siblings' when they are dead.
func plan(s *situation) upshot {
	o := upshot{inPlace: map[registry.VIPName]reached{}, problems: map[registry.VIPName]string{}}
	own := s.ownSlices()
	unsettled := map[string]bool{}
	var updates, additions []errand
	for _, task := range s.tasks(own, o.problems) {
		current := own[task.object]
		e := errand{about: task.object, changes: s.planSlices(task, current)}
		if task.wanted && !changesNow(e.changes) {
			o.inPlace[task.name] = reach(current)
		}
		unsettled[task.object] = changesNow(e.changes)
		e.changes = append(e.changes, s.planService(task)...)
		switch {
		case len(e.changes) == 0:
		case task.current == nil:
			additions = append(additions, e)
		default:
			updates = append(updates, e)
		}
	}
	o.errands = slices.Concat(s.planSiblings(unsettled), updates, additions)
	return o
}

// A task is one derived Service: what it should be, if it should be, and what it is, if it is.
type task struct {
	object  string
	name    registry.VIPName
	wanted  bool
	imports Import
	current *derived    // nil: there is none that is ours
	answers *nameServer // in place of a derived Service
}

// tasks lists every derived Service that is wanted, or there, or that we have slices for, ordered.
func (s *situation) tasks(own map[string][]*slice, problems map[registry.VIPName]string) []task {
	all := map[string]task{}
	for name, imported := range s.imports {
		t := task{object: objectName(name), name: name, wanted: true, imports: imported}
		if there := s.services[t.object]; there != nil && (there.foreign || there.name != name) {
			problems[name] = "the Service " + t.object + " isn't Grapevine's, or another name's: rename it, or delete it"
			continue
		}
		if other, met := all[t.object]; met {
			later, earlier := other, t // two hashes met: one of the names has to do without, the same everywhere
			if later.name.String() < earlier.name.String() {
				later, earlier = earlier, later
			}
			problems[later.name] = "the Service " + t.object + " belongs to " + earlier.name.String()
			t = earlier
		}
		all[t.object] = t
	}
	for object, service := range s.services {
		if !service.foreign {
			t := all[object]
			t.object, t.name, t.current = object, service.name, service
			all[object] = t
		}
	}
	for object := range own {
		t := all[object]
		t.object = object
		all[object] = t
	}
	for _, n := range s.names {
		all[n.object] = task{object: n.object, answers: n}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b task) int { return strings.Compare(a.object, b.object) })
}

// ownSlices returns this gateway's slices by derived Service, ordered.
func (s *situation) ownSlices() map[string][]*slice {
	own := map[string][]*slice{}
	for _, there := range s.slices {
		if !there.foreign && there.gateway == s.gateway {
			own[there.service] = append(own[there.service], there)
		}
	}
	for _, of := range own {
		slices.SortFunc(of, func(a, b *slice) int { return strings.Compare(a.object, b.object) })
	}
	return own
}

// first tells whether this gateway writes what its cluster's gateways share.
func (s *situation) first() bool {
	for name, state := range s.siblings {
		if state == SiblingLive && name < s.gateway {
			return false
		}
	}
	return true
}

// turn is how long this gateway leaves a shared object to the first.
func (s *situation) turn() time.Duration {
	if s.first() {
		return 0
	}
	return standInAfter
}

func changesNow(changes []change) bool {
	return slices.ContainsFunc(changes, func(c change) bool { return c.slice != nil && c.after == 0 })
}

func reach(own []*slice) (r reached) {
	for _, s := range own {
		if len(s.ports) > 0 && len(s.addrs) > 0 {
			r.v4, r.v6 = r.v4 || !s.v6, r.v6 || s.v6
		}
	}
	return r
}
