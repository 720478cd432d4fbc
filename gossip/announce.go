package gossip

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/hashicorp/memberlist"
)

// renewals is how often a new certificate, or a new address, is announced.
const renewals = 3

// Advertise changes where others can dial this gateway, from the configuration's addresses to these: a load balancer's
// are known only some time after the start. They are told within some seconds. Addresses that nobody can dial are left out.
func (r *Ring) Advertise(addrs []netip.AddrPort) {
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(addr netip.AddrPort) bool { return !dialable(addr) })
	r.advertise.Store(&addrs)
	select {
	case r.hurry <- struct{}{}:
	default:
	}
}

// sign renews what this gateway says of itself.
func (r *Ring) sign() error {
	advertise := *r.advertise.Load()
	wire, err := signMeta(r.cfg.Self, r.cfg.Instance, advertise, r.cfg.Signer)
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	r.meta.Store(&wire)
	r.announced = advertise
	return nil
}

// renew announces this gateway again when its certificate or its addresses have changed; and again in the rounds after
// that, because others may have had to look for the new certificate first.
func (r *Ring) renew(list *memberlist.Memberlist) {
	m, _, _, err := parseMeta(*r.meta.Load())
	if err != nil {
		return // can't be: it is ours
	}
	if m.Signer != r.cfg.Signer.Fingerprint() || !slices.Equal(r.announced, *r.advertise.Load()) {
		if err := r.sign(); err != nil {
			r.cfg.Log.Error().Err(err).Msg("announcing what was announced last")
			return
		}
		r.renewals = renewals
	}
	if r.renewals == 0 {
		return
	}
	r.renewals--
	if err := list.UpdateNode(leaveTimeout); err != nil {
		r.cfg.Log.Debug().Err(err).Msg("others may not know our new certificate or address")
	}
}
