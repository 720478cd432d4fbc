package gossip

import (
	"fmt"

	"github.com/hashicorp/memberlist"
)

// renewals is how often a new certificate is announced.
const renewals = 3

// sign renews what this gateway says of itself.
func (r *Ring) sign() error {
	wire, err := signMeta(r.cfg.Self, r.cfg.Instance, r.cfg.Advertise, r.cfg.Signer)
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	r.meta.Store(&wire)
	return nil
}

// renew announces this gateway again when its certificate has changed; and again in the rounds after that, because
// others may have had to look for the new certificate first.
func (r *Ring) renew(list *memberlist.Memberlist) {
	m, _, _, err := parseMeta(*r.meta.Load())
	if err != nil {
		return // can't be: it is ours
	}
	if m.Signer != r.cfg.Signer.Fingerprint() {
		if err := r.sign(); err != nil {
			r.cfg.Log.Error().Err(err).Msg("announcing the last certificate on")
			return
		}
		r.renewals = renewals
	}
	if r.renewals == 0 {
		return
	}
	r.renewals--
	if err := list.UpdateNode(leaveTimeout); err != nil {
		r.cfg.Log.Debug().Err(err).Msg("others may not know our new certificate")
	}
}
