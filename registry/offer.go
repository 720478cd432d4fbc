package registry

import (
	"cmp"
	"slices"
	"time"
)

// Service is all that is known of one service.
type Service struct {
	Name   ServiceName
	Offers []Offer // one for each cluster that exports it, ordered by cluster
}

// Offer is one cluster's export of a service, counted once however many of the cluster's gateways export it.
type Offer struct {
	Cluster  Cluster
	Export   Export        // Ready is the most that any way in has, and Endpoints are those of all
	Gateways []Gateway     // the ways in: gateways that serve now and have ready endpoints; our own first, suspect ones last
	Eligible bool          // there is a way in, and this gateway's cluster may use it
	Suspect  bool          // all ways in are suspect
	RTT      time.Duration // to the nearest way in; 0: our own cluster, or not measured
}

// service compiles the offers of a service.
func (d *Directory) service(name ServiceName, held record) Service {
	s := Service{Name: name}
	for cluster, ofCluster := range held.clusters() {
		w := d.ways(ofCluster)
		s.Offers = append(s.Offers, Offer{
			Cluster: cluster, Export: w.merged(), Gateways: slices.Concat(w.up, w.suspect),
			Eligible: len(w.up)+len(w.suspect) > 0 && (cluster == d.self.Cluster || w.export.Allows(d.self.Cluster)),
			Suspect:  len(w.up) == 0 && len(w.suspect) > 0,
			RTT:      w.rtt(),
		})
	}
	return s
}

// A ways is the ways into one cluster for one service.
type ways struct {
	export              *Export // the cluster's word: that of its first gateway that counts
	counted             record  // whose exports count: the gateways that serve, or all where none does
	ready               uint32
	up, suspect         []Gateway
	upRTT, suspectedRTT time.Duration
}

// ways sorts out what the gateways of one cluster say. Of those that don't serve nothing counts, as what they say may be
// long past; only where none serves are they taken as they were, for the service exists.
func (d *Directory) ways(ofCluster record) ways {
	var w ways
	for _, h := range ofCluster {
		live := d.liveness(h.gateway)
		if !live.serves() {
			continue
		}
		w.counted = append(w.counted, h)
		switch {
		case h.export.Ready == 0:
		case live.Link == LinkSuspect:
			w.suspect, w.suspectedRTT = append(w.suspect, h.gateway), nearer(w.suspectedRTT, live.RTT)
		case h.gateway == d.self:
			w.up = slices.Insert(w.up, 0, h.gateway)
		default:
			w.up, w.upRTT = append(w.up, h.gateway), nearer(w.upRTT, live.RTT)
		}
	}
	if len(w.counted) == 0 {
		w.counted = ofCluster
	}
	w.export = w.counted[0].export
	for _, h := range w.counted {
		w.ready = max(w.ready, h.export.Ready)
	}
	if len(w.up) > 0 && w.up[0] == d.self {
		w.upRTT = 0
	}
	return w
}

// nearer returns the lesser of two RTTs, where 0 isn't measured.
func nearer(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func (w *ways) rtt() time.Duration {
	if len(w.up) > 0 {
		return w.upRTT
	}
	return w.suspectedRTT
}

// merged returns the cluster's export.
func (w *ways) merged() Export {
	e := *w.export
	e.Ready = w.ready
	if len(w.counted) == 1 {
		return e
	}
	e.Endpoints = nil
	for _, h := range w.counted {
		e.Endpoints = append(e.Endpoints, h.export.Endpoints...)
	}
	slices.SortFunc(e.Endpoints, func(a, b Endpoint) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Hostname, b.Hostname))
	})
	e.Endpoints = slices.Compact(e.Endpoints)
	return e
}

// choices returns the cluster for the ranking: once with the ways that are up, and once with those that are suspect.
func (w *ways) choices(cluster, caller Cluster) []Choice {
	weight := uint64(w.export.Weight)
	if weight == 0 {
		weight = uint64(w.ready)
	}
	choice := Choice{Own: cluster == caller, Priority: w.export.Priority, Weight: weight}
	var choices []Choice
	if len(w.up) > 0 {
		choice.Candidate, choice.RTT = Candidate{cluster, w.up}, w.upRTT
		choices = append(choices, choice)
	}
	if len(w.suspect) > 0 {
		choice.Candidate, choice.RTT, choice.Suspect = Candidate{cluster, w.suspect}, w.suspectedRTT, true
		choices = append(choices, choice)
	}
	return choices
}
