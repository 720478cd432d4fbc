package tunnel

import (
	"encoding/binary"
	"time"
)

// The kinds of datagrams on a control connection: the first byte.
const (
	datagramPacket = 0 // the rest is the ring's packet
	datagramBeat   = 1
)

// A beat tells the peer three things: that we live and can reach it; how well we hear it; and when the next beat comes.
// With the echo the peer measures the round trip, with the verdict it learns that the direction towards us is cut.
//
//	0   1  datagramBeat
//	1   1  flags: 1 draining, 2 answer at once; from bit 2: the sender's verdict on the other direction
//	2   8  number; grows by one with every beat
//	10  4  µs until the sender's next beat
//	14  4  µs between beats that the sender wants from the receiver
//	18  8  stamp: µs on the sender's clock, which means nothing to the receiver
//	26  8  echo: the stamp of the newest beat that the sender got; 0: none
//	34  4  µs that the sender held that echo
const beatSize = 38

const (
	beatDraining = 1 << iota
	beatAnswer
	beatVerdictShift = iota
)

type beat struct {
	draining bool
	answer   bool // a beat is wanted back at once
	verdict  verdict
	number   uint64
	interval time.Duration
	want     time.Duration
	stamp    time.Duration
	echo     time.Duration
	held     time.Duration
}

func (b beat) append(to []byte) []byte {
	flags := byte(b.verdict) << beatVerdictShift
	if b.draining {
		flags |= beatDraining
	}
	if b.answer {
		flags |= beatAnswer
	}
	to = append(to, datagramBeat, flags)
	to = binary.BigEndian.AppendUint64(to, b.number)
	to = binary.BigEndian.AppendUint32(to, uint32(b.interval.Microseconds()))
	to = binary.BigEndian.AppendUint32(to, uint32(b.want.Microseconds()))
	to = binary.BigEndian.AppendUint64(to, uint64(b.stamp.Microseconds()))
	to = binary.BigEndian.AppendUint64(to, uint64(b.echo.Microseconds()))
	return binary.BigEndian.AppendUint32(to, uint32(b.held.Microseconds()))
}

// The beats' bounds. A peer that asks for more than 100 a second, or that promises the next beat in an hour, gets what
// is reasonable.
const (
	shortestInterval = 10 * time.Millisecond
	longestInterval  = 2 * time.Second
)

// parseBeat reads a beat. Longer ones are of newer versions, and what they append is ignored.
func parseBeat(b []byte) (parsed beat, ok bool) {
	if len(b) < beatSize || b[0] != datagramBeat {
		return beat{}, false
	}
	micros := func(v uint64) time.Duration {
		return time.Duration(min(v, 1<<50)) * time.Microsecond
	}
	parsed = beat{
		draining: b[1]&beatDraining != 0,
		answer:   b[1]&beatAnswer != 0,
		verdict:  verdict(b[1] >> beatVerdictShift & 3),
		number:   binary.BigEndian.Uint64(b[2:]),
		interval: micros(uint64(binary.BigEndian.Uint32(b[10:]))),
		want:     micros(uint64(binary.BigEndian.Uint32(b[14:]))),
		stamp:    micros(binary.BigEndian.Uint64(b[18:])),
		echo:     micros(binary.BigEndian.Uint64(b[26:])),
		held:     micros(uint64(binary.BigEndian.Uint32(b[34:]))),
	}
	parsed.interval = min(max(parsed.interval, shortestInterval), longestInterval)
	parsed.want = min(max(parsed.want, shortestInterval), longestInterval)
	return parsed, parsed.verdict <= verdictDown
}
