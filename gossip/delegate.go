package gossip

import (
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/grapevine-mesh/grapevine/registry"
)

// announcer is memberlist's delegate: it gives our metadata, and nothing else. No user data rides on the ring: memberlist
// has a few KB/s for the whole ring, sends full state on every exchange, and loses broadcasts of equal length when
// several members die together.
type announcer struct{ *Ring }

// NodeMeta returns our metadata, whose size is bounded by its format.
func (a announcer) NodeMeta(int) []byte { return *a.meta.Load() }

// NotifyMsg ignores a broadcast: no member sends any.
func (announcer) NotifyMsg([]byte) {}

// GetBroadcasts has nothing to send.
func (announcer) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState has nothing to say.
func (announcer) LocalState(bool) []byte { return nil }

// MergeRemoteState ignores what another member says.
func (announcer) MergeRemoteState([]byte, bool) {}

// listener is memberlist's event delegate. It runs under memberlist's lock: it copies, hands over and returns.
type listener struct {
	*Ring
	transport *transport
}

// NotifyJoin says that a member is there, for the first time or again.
func (l listener) NotifyJoin(node *memberlist.Node) {
	g, err := registry.ParseGateway(node.Name)
	if err != nil {
		return // can't be: the guard let this announcement pass a moment ago
	}
	if m, _, _, err := parseMeta(node.Meta); err == nil {
		l.transport.introduce(g)
		l.view.joined(g, m, time.Now())
	}
}

// NotifyUpdate says that a member's metadata changed: another address, certificate or start.
func (l listener) NotifyUpdate(node *memberlist.Node) { l.NotifyJoin(node) }

// NotifyLeave says that a member is gone. (node.State would tell why, but is always 0.)
func (l listener) NotifyLeave(node *memberlist.Node) {
	if g, err := registry.ParseGateway(node.Name); err == nil {
		l.view.gone(g, time.Now())
	}
}
