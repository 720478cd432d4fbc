package chaos

import (
	"net"
	"time"
)

// lane is one direction through the relay.
type lane struct {
	conditions Conditions
	link       link
	counts     Counts
}

// passLocked sends a datagram on along one direction.
func (r *Relay) passLocked(l *lane, via net.PacketConn, to net.Addr, data []byte) {
	l.counts.Sent++
	l.counts.SentBytes += uint64(len(data))
	f := l.link.judge(l.conditions, time.Now(), len(data), r.random, &l.counts)
	f.befallLocked(data, r.random, &r.agenda, func(data []byte) {
		if l.conditions.Cut {
			l.counts.Cut++
		} else if _, err := via.WriteTo(data, to); err != nil {
			l.counts.Unheard++
		} else {
			l.counts.Delivered++
		}
	})
}
