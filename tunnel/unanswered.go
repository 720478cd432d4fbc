package tunnel

// What is kept of a flow while nothing was answered: a few datagrams of a client that begins, such as a handshake's.
const (
	unansweredMost  = 8
	unansweredBytes = 16 << 10 // though one may always be larger
)

// unanswered are the first datagrams of a flow, until something comes back. Where it turns out that nobody listened, they
// are said to the next.
type unanswered struct {
	datagrams [][]byte
	bytes     int
}

// keep adds one, which the caller no longer touches, and returns how many older ones had to go.
func (u *unanswered) keep(datagram []byte) (gone int) {
	u.datagrams = append(u.datagrams, datagram)
	u.bytes += len(datagram)
	for len(u.datagrams) > 1 && (len(u.datagrams) > unansweredMost || u.bytes > unansweredBytes) {
		u.bytes -= len(u.datagrams[0])
		u.datagrams = u.datagrams[1:]
		gone++
	}
	return gone
}
