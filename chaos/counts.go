package chaos

// Counts say what became of the datagrams that a host sent: Sent + Doubled = Delivered + dropped + those still under way.
type Counts struct {
	Sent      uint64 // handed to the network by a socket
	SentBytes uint64 // their payload
	Delivered uint64 // put into a socket's queue, or by a relay into the real network

	Cut     uint64 // dropped: no way
	Lost    uint64 // dropped: bad luck
	TooBig  uint64 // dropped: over the MTU
	Overrun uint64 // dropped: a full queue, of the line, of the socket or of a frozen host
	Unheard uint64 // dropped: no such host, host down, or nobody listens there

	Late    uint64 // held back, so that others overtake
	Doubled uint64 // sent on twice
	Damaged uint64 // sent on with a bit flipped
}

// plus adds up two hosts' counts.
func (c Counts) plus(d Counts) Counts {
	return Counts{
		Sent:      c.Sent + d.Sent,
		SentBytes: c.SentBytes + d.SentBytes,
		Delivered: c.Delivered + d.Delivered,
		Cut:       c.Cut + d.Cut,
		Lost:      c.Lost + d.Lost,
		TooBig:    c.TooBig + d.TooBig,
		Overrun:   c.Overrun + d.Overrun,
		Unheard:   c.Unheard + d.Unheard,
		Late:      c.Late + d.Late,
		Doubled:   c.Doubled + d.Doubled,
		Damaged:   c.Damaged + d.Damaged,
	}
}
