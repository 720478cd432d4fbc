package gossip

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Refusal says why an announcement of a member was not believed.
type Refusal string

// The refusals of an announcement.
const (
	BadName      Refusal = "name"      // isn't a gateway's
	BadAddress   Refusal = "address"   // isn't the one that follows from the name: it would lock the true member out
	BadVersion   Refusal = "version"   // of the protocol: one such member in the list makes every exchange fail
	BadMetadata  Refusal = "metadata"  // malformed, or of a version unknown here
	UnknownKey   Refusal = "key"       // signed with a certificate not known here; it is asked for
	NotOwner     Refusal = "owner"     // signed with another gateway's certificate
	BadSignature Refusal = "signature" // doesn't match
)

// Error says it to memberlist, which logs it.
func (r Refusal) Error() string { return "announcement refused: " + string(r) }

// guard is memberlist's alive delegate: every announcement of a member passes here, whether it came in a packet or in
// the state of another member, and what is refused doesn't exist for the ring. A merge as a whole is never refused:
// one forged member must not keep the others out.
type guard struct{ *Ring }

// belief is the metadata last verified of each member: gossip repeats itself, and a signature takes 0.1 ms under
// memberlist's lock.
type belief struct {
	mu   sync.Mutex
	last map[registry.Gateway][]byte
}

func (b *belief) holds(g registry.Gateway, wire []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	known, ok := b.last[g]
	return ok && bytes.Equal(known, wire)
}

func (b *belief) set(g registry.Gateway, wire []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.last) >= maxPeers {
		clear(b.last)
	}
	b.last[g] = bytes.Clone(wire)
}

// NotifyAlive tells whether the announcement is believed. It runs under memberlist's lock.
func (g guard) NotifyAlive(node *memberlist.Node) error {
	gateway, reason := g.examine(node)
	if reason != "" {
		g.refuse(node.Name, reason)
		return reason
	}
	if gateway == g.cfg.Self {
		g.claim(node.Meta, time.Now())
	} else {
		g.view.vouched(gateway, time.Now())
	}
	return nil
}

// examine tells who is announced, and what speaks against believing it.
func (g guard) examine(node *memberlist.Node) (registry.Gateway, Refusal) {
	gateway, err := registry.ParseGateway(node.Name)
	if err != nil {
		return gateway, BadName
	}
	if addr, _ := netip.AddrFromSlice(node.Addr); addr != memberAddr(gateway) || node.Port != memberPort {
		return gateway, BadAddress
	}
	if !speaksOurs(node) {
		return gateway, BadVersion
	}
	// What is said of ourselves is never refused: memberlist refutes it, and that is how a restarted gateway overtakes
	// what the ring remembers of its last life, signed by a certificate that nobody may know any more.
	if gateway == g.cfg.Self || g.belief.holds(gateway, node.Meta) {
		return gateway, ""
	}
	if _, err := openMeta(gateway, node.Meta, g.cfg.Keyring); err != nil {
		if errors.Is(err, registry.ErrUnknownKey) {
			g.keys.want(gateway, node.Meta, time.Now())
		}
		return gateway, refusal(err)
	}
	g.belief.set(gateway, node.Meta)
	return gateway, ""
}

// speaksOurs tells whether a node speaks the versions of memberlist's protocol that all members here speak.
func speaksOurs(node *memberlist.Node) bool {
	return node.PMin == memberlist.ProtocolVersionMin && node.PCur == memberlist.ProtocolVersion2Compatible &&
		node.PMax >= node.PCur && node.DMin == 0 && node.DMax == 0 && node.DCur == 0
}

func refusal(err error) Refusal {
	switch {
	case errors.Is(err, registry.ErrUnknownKey):
		return UnknownKey
	case errors.Is(err, registry.ErrNotOwner):
		return NotOwner
	case errors.Is(err, registry.ErrSignature):
		return BadSignature
	}
	return BadMetadata
}
