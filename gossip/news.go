package gossip

import (
	"context"
	"net/netip"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// tellNews passes changes of members on until ctx ends.
func (r *Ring) tellNews(ctx context.Context) {
	for {
		now := time.Now()
		r.spare(now)
		next := r.view.settle(now)
		r.tell()
		select {
		case <-ctx.Done():
			return
		case <-r.view.wake:
		case <-time.After(next):
		}
	}
}

// spare keeps those from being told dead who answer us: what we see ourselves counts for more than what others say. A
// member can have another one given up for half a minute with one packet, by an accusation that can't be outbid.
func (r *Ring) spare(now time.Time) {
	for _, g := range r.view.condemned(now) {
		if r.cfg.Vouch(g) && r.view.spare(g, now) {
			r.cfg.Log.Warn().Stringer("gateway", g).Msg("the ring gave up a member whose link is up")
		}
	}
}

// tell passes on what has not been told: to the peers' book, to the links and to the outside, in that order, so that
// whoever hears of a member can reach it.
func (r *Ring) tell() {
	for _, m := range r.view.take() {
		r.cfg.Log.Info().Stringer("gateway", m.Gateway).Str("state", string(m.State)).Msg("member changed")
		switch {
		case m.Gateway == r.cfg.Self:
		case m.State.present():
			r.peers.meet(acquaintance{Gateway: m.Gateway, Advertise: m.Advertise, Seen: time.Now()})
			r.cfg.Links.Learn(m.Gateway, m.Advertise)
		case m.State == Left:
			r.peers.left(m.Gateway, time.Now())
		}
		r.cfg.OnMember(m)
	}
}

// meet makes a gateway known that has proven who it is, though the ring doesn't have it yet.
func (r *Ring) meet(g registry.Gateway, advertise []netip.AddrPort) {
	r.peers.meet(acquaintance{Gateway: g, Advertise: advertise, Seen: time.Now()})
	r.cfg.Links.Learn(g, advertise)
	select {
	case r.hurry <- struct{}{}:
	default:
	}
}

// suspect is called from memberlist's log.
func (r *Ring) suspect(g registry.Gateway) { r.view.suspected(g, time.Now()) }
