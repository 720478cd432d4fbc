package tunnel

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

var targets = []Target{
	{Name: registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "web"}}, Port: 80, Protocol: registry.TCP,
		Caller: netip.MustParseAddrPort("10.1.2.3:45678")},
	{Name: registry.VIPName{Service: registry.ServiceName{Namespace: "a", Name: "b"}}, Port: 65535, Protocol: registry.UDP,
		Caller: netip.MustParseAddrPort("[2001:db8::1]:1")},
	{Name: registry.VIPName{Service: registry.ServiceName{Namespace: longest, Name: longest}},
		Port: 1, Protocol: registry.TCP},
	{Name: registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "db"}, Hostname: "db-0"}, Port: 5432, Protocol: registry.TCP,
		Caller: netip.MustParseAddrPort("10.1.2.3:45678")},
	{Name: registry.VIPName{Service: registry.ServiceName{Namespace: longest, Name: longest}, Hostname: longest}, Port: 53, Protocol: registry.UDP,
		Caller: netip.MustParseAddrPort("[2001:db8::1]:65535")},
}

var longest = string(bytes.Repeat([]byte{'x'}, 63))

// The bytes are a promise to gateways of other versions.
func TestHeaderOnTheWire(t *testing.T) {
	written := appendHeader(nil, targets[3])
	require.Equal(t, "\x01\x17\x06\x15\x38\x04shop\x02db\x04\x0a\x01\x02\x03\xb2\x6e\x04db-0", string(written))
	older := append([]byte{headerVersion, written[1] - 5}, written[2:len(written)-5]...)
	read, err := readHeader(bytes.NewReader(older))
	require.NoError(t, err, "an older sender knows no host names")
	want := targets[3]
	want.Name.Hostname = ""
	require.Equal(t, want, read)
}

func TestHeaderIsReadBack(t *testing.T) {
	for _, target := range targets {
		reader := bytes.NewReader(append(appendHeader(nil, target), "application"...))
		read, err := readHeader(reader)
		require.NoError(t, err)
		require.Equal(t, target, read)
		rest, _ := io.ReadAll(reader)
		require.Equal(t, "application", string(rest), "not a byte too many is read")
	}
	longer := appendHeader(nil, targets[0])
	longer = append(longer, "of a newer version"...)
	longer[1] += byte(len("of a newer version"))
	read, err := readHeader(bytes.NewReader(longer))
	require.NoError(t, err)
	require.Equal(t, targets[0], read)

	zoned := targets[0]
	zoned.Caller = netip.MustParseAddrPort("[fe80::1%eth0]:1")
	read, err = readHeader(bytes.NewReader(appendHeader(nil, zoned)))
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddrPort("[fe80::1]:1"), read.Caller, "a zone means nothing elsewhere")
}

func TestReplyIsReadBack(t *testing.T) {
	require.NoError(t, readReply(bytes.NewReader(appendReply(nil, ""))))
	for _, refusal := range []Refusal{NotExported, NotAllowed, NoEndpoint, DialFailed, Draining, Overloaded, Malformed} {
		require.Equal(t, refusal, readReply(bytes.NewReader(appendReply(nil, refusal))))
	}
	require.Equal(t, DialFailed, readReply(bytes.NewReader(appendReply(nil, "of the backends' own"))))
	_, refused := errors.AsType[Refusal](readReply(bytes.NewReader([]byte{headerVersion, 200})))
	require.True(t, refused, "one of a newer version")
	require.Equal(t, Malformed, readReply(bytes.NewReader([]byte{9, 0})))
	require.ErrorIs(t, readReply(bytes.NewReader([]byte{headerVersion})), io.ErrUnexpectedEOF)
}

func TestMalformedHeaders(t *testing.T) {
	good := appendHeader(nil, targets[0])
	for name, rest := range map[string][]byte{
		"empty":                 {},
		"of another protocol":   append([]byte{1}, good[3:]...),
		"port 0":                append([]byte{protocolTCP, 0, 0}, good[5:]...),
		"no names":              good[2:5],
		"a name cut off":        append(append([]byte{}, good[2:5]...), 200, 's'),
		"no caller's port":      good[2 : len(good)-3],
		"a host name cut off":   append(append([]byte{}, good[2:len(good)-1]...), 4, 'd', 'b'),
		"no host's name":        appendHeader(nil, Target{Name: registry.VIPName{Service: targets[0].Name.Service, Hostname: "DB.0"}, Port: 1, Protocol: registry.TCP})[2:],
		"a name that isn't one": appendHeader(nil, Target{Name: registry.VIPName{Service: registry.ServiceName{Namespace: "shop", Name: "../etc"}}, Port: 1, Protocol: registry.TCP})[2:],
		"an empty name":         appendHeader(nil, Target{Name: registry.VIPName{Service: registry.ServiceName{Namespace: "shop"}}, Port: 1, Protocol: registry.TCP})[2:],
		"an address of 5 bytes": append(append([]byte{}, good[2:14]...), 5, 1, 2, 3, 4, 5, 0, 1),
	} {
		_, err := readHeader(bytes.NewReader(append([]byte{headerVersion, byte(len(rest))}, rest...)))
		require.Equal(t, Malformed, err, name)
	}
}

func FuzzHeader(f *testing.F) {
	for _, target := range targets {
		f.Add(appendHeader(nil, target))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0})
	f.Add([]byte{1, 255, 6})
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{1, 9, 6, 0, 80, 4, 's', 'h', 'o', 'p', 200})
	f.Add([]byte("\x01\x11\x06\x00\x50\x04shop\x03web\x00\x00\x00\x09db"))
	f.Fuzz(func(t *testing.T, b []byte) {
		target, err := readHeader(bytes.NewReader(b))
		if err != nil {
			require.Zero(t, target)
			return
		}
		require.NoError(t, target.Name.Service.Validate())
		again, err := readHeader(bytes.NewReader(appendHeader(nil, target)))
		require.NoError(t, err)
		require.Equal(t, target, again)
	})
}

func FuzzBeat(f *testing.F) {
	f.Add(beat{}.append(nil))
	f.Add(someBeat.append(nil))
	f.Add([]byte{datagramBeat})
	f.Add(beat{interval: time.Hour, want: time.Nanosecond, number: 1}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		parsed, ok := parseBeat(b)
		if !ok {
			return
		}
		require.LessOrEqual(t, parsed.interval, longestInterval)
		require.GreaterOrEqual(t, parsed.want, shortestInterval)
		require.GreaterOrEqual(t, parsed.stamp, time.Duration(0))
		again, ok := parseBeat(parsed.append(nil))
		require.True(t, ok)
		require.Equal(t, parsed, again)
	})
}

var someBeat = beat{
	draining: true, answer: true, verdict: verdictDown, number: 1 << 60, interval: 50 * time.Millisecond, want: time.Second,
	stamp: time.Hour, echo: time.Minute, held: 7 * time.Microsecond,
}

func TestBeatIsReadBack(t *testing.T) {
	read, ok := parseBeat(append(someBeat.append(nil), "newer"...))
	require.True(t, ok)
	require.Equal(t, someBeat, read)
	// quic-go answers with a stateless reset only to packets above 42 bytes, of which 18 at least are not the beat.
	require.Greater(t, beatSize+18, 42)
}

func FuzzHello(f *testing.F) {
	f.Add(hello{1, 2}.append(nil))
	f.Add([]byte{15})
	f.Add([]byte{255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := readHello(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := readHello(bytes.NewReader(read.append(nil)))
		require.NoError(t, err)
		require.Equal(t, read, again)
	})
}

func FuzzDatagram(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte("\x04hello"))
	f.Add([]byte("\x40\x04hello")) // longer than need be
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(append(quicvarint.Append(nil, 1<<61), "x"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, datagram, ok := parseDatagram(b)
		if !ok {
			require.Nil(t, datagram)
			return
		}
		require.GreaterOrEqual(t, id, quic.StreamID(0))
		require.LessOrEqual(t, len(datagram), datagramMost)
		again, same, ok := parseDatagram(append(quicvarint.Append(nil, uint64(id)), datagram...))
		require.True(t, ok)
		require.Equal(t, id, again)
		require.Equal(t, datagram, same)
	})
}

func FuzzMessage(f *testing.F) {
	f.Add(appendMessage(nil, []byte("hello")))
	f.Add(append(appendMessage(nil, nil), appendMessage(nil, make([]byte, 3000))...))
	f.Add([]byte{0})
	f.Add([]byte{255, 255, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		r := bytes.NewReader(b)
		for {
			begun := false
			datagram, err := readMessage(r, func() { begun = true })
			if err != nil {
				require.Equal(t, !begun && len(again) == len(b), errors.Is(err, io.EOF), "the end is between two messages")
				break
			}
			require.NotNil(t, datagram)
			again = appendMessage(again, datagram)
		}
		require.True(t, bytes.HasPrefix(b, again))
	})
}
