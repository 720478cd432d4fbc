package tunnel

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// A data stream begins with a header from the side that opened it, and a reply. After the reply "connected" the
// application's bytes follow in both directions, as they are; after any other the stream is over.
//
//	header  0  1  version
//	        1  1  length of the rest; newer senders may append, older receivers ignore it
//	        2  1  protocol, as IANA numbers it
//	        3  2  port
//	        5  *  namespace, name, caller's address: a length byte each, then the bytes
//	        *  2  caller's port
//	        *  *  host name, where one host of the service is meant: a length byte, then the bytes; older senders end before it
//	reply   0  1  version
//	        1  1  0: connected; else the number of a refusal
const (
	headerVersion = 1
	headerMost    = 2 + 255
	protocolTCP   = 6
	protocolUDP   = 17
	replySize     = 2
)

// refusals are numbered by their place. New ones are appended.
var refusals = [...]Refusal{1: NotExported, NotAllowed, NoEndpoint, DialFailed, Draining, Overloaded, Malformed}

// appendHeader encodes t, whose names are valid.
func appendHeader(to []byte, t Target) []byte {
	protocol := byte(protocolTCP)
	if t.Protocol == registry.UDP {
		protocol = protocolUDP
	}
	start := len(to)
	to = append(to, headerVersion, 0, protocol)
	to = binary.BigEndian.AppendUint16(to, t.Port)
	to = appendShort(to, t.Name.Service.Namespace)
	to = appendShort(to, t.Name.Service.Name)
	to = appendShort(to, string(t.Caller.Addr().WithZone("").AsSlice()))
	to = binary.BigEndian.AppendUint16(to, t.Caller.Port())
	to = appendShort(to, t.Name.Hostname)
	to[start+1] = byte(len(to) - start - 2)
	return to
}

func appendShort(to []byte, s string) []byte {
	return append(append(to, byte(len(s))), s...)
}

// readHeader reads one header, and not a byte of what follows it. What it can't read is [Malformed].
func readHeader(r io.Reader) (Target, error) {
	var buffer [headerMost]byte
	if _, err := io.ReadFull(r, buffer[:2]); err != nil {
		return Target{}, fmt.Errorf("header: %w", err)
	}
	if buffer[0] != headerVersion {
		return Target{}, Malformed
	}
	rest := buffer[2 : 2+int(buffer[1])]
	if _, err := io.ReadFull(r, rest); err != nil {
		return Target{}, fmt.Errorf("header: %w", err)
	}
	return parseHeader(rest)
}

func parseHeader(b []byte) (t Target, err error) {
	if len(b) < 3 {
		return Target{}, Malformed
	}
	switch b[0] {
	case protocolTCP:
		t.Protocol = registry.TCP
	case protocolUDP:
		t.Protocol = registry.UDP
	default:
		return Target{}, Malformed
	}
	t.Port = binary.BigEndian.Uint16(b[1:])
	namespace, b, ok1 := cutShort(b[3:])
	name, b, ok2 := cutShort(b)
	caller, b, ok3 := cutShort(b)
	if !ok1 || !ok2 || !ok3 || len(b) < 2 {
		return Target{}, Malformed
	}
	t.Name.Service = registry.ServiceName{Namespace: string(namespace), Name: string(name)}
	if t.Name.Service.Validate() != nil || t.Port == 0 {
		return Target{}, Malformed
	}
	if len(caller) > 0 {
		addr, ok := netip.AddrFromSlice(caller)
		if !ok {
			return Target{}, Malformed
		}
		t.Caller = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b))
	}
	if b = b[2:]; len(b) == 0 {
		return t, nil
	}
	host, _, ok := cutShort(b)
	if t.Name.Hostname = string(host); !ok || len(host) > 0 && registry.CheckLabel(t.Name.Hostname) != nil {
		return Target{}, Malformed
	}
	return t, nil
}

// cutShort cuts off what appendShort wrote.
func cutShort(b []byte) (field, rest []byte, ok bool) {
	if len(b) == 0 || len(b) <= int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+int(b[0])], b[1+int(b[0]):], true
}

// appendReply encodes a reply: connected where refused is empty.
func appendReply(to []byte, refused Refusal) []byte {
	for number, r := range refusals {
		if r == refused {
			return append(to, headerVersion, byte(number))
		}
	}
	return appendReply(to, DialFailed)
}

// readReply returns nil for connected, and the [Refusal] otherwise. One with an unknown number is a refusal all the same.
func readReply(r io.Reader) error {
	var reply [replySize]byte
	if _, err := io.ReadFull(r, reply[:]); err != nil {
		return fmt.Errorf("reply: %w", err)
	}
	switch number := int(reply[1]); {
	case reply[0] != headerVersion:
		return Malformed
	case number == 0:
		return nil
	case number < len(refusals):
		return refusals[number]
	default:
		return Refusal(fmt.Sprintf("refused with number %d", number))
	}
}
