package gossip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The peers file is text: a line that says what it is, whose it is, and the checksum (CRC-32C) of the rest; then one
// JSON object per peer.
//
//	grapevine-peers 1 east/e-0 7c0f3a51
//	{"gateway":"west/w-0","advertise":["203.0.113.7:7946"],"seen":"2026-01-02T15:04:05Z"}
//
// Keys that a later version adds are ignored by this one.
const (
	peersMagic    = "grapevine-peers 1"
	maxPeersBytes = 1 << 20
)

var (
	errNotPeers   = errors.New("not a peers file of this version")
	errPeersSum   = errors.New("checksum doesn't match: cut off in mid-write, or changed")
	errPeersOwner = errors.New("belongs to another gateway")
)

func encodePeers(self registry.Gateway, known []acquaintance) ([]byte, error) {
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	for _, a := range known {
		if err := lines.Encode(a); err != nil {
			return nil, err
		}
	}
	sum := crc32.Checksum(body.Bytes(), crc32.MakeTable(crc32.Castagnoli))
	return append(fmt.Appendf(nil, "%s %s %08x\n", peersMagic, self, sum), body.Bytes()...), nil
}

func decodePeers(self registry.Gateway, file []byte) ([]acquaintance, error) {
	head, body, _ := bytes.Cut(file, []byte("\n"))
	var owner, sum string
	if rest, ok := bytes.CutPrefix(head, []byte(peersMagic+" ")); !ok {
		return nil, errNotPeers
	} else if n, _ := fmt.Sscanf(string(rest), "%s %s", &owner, &sum); n != 2 {
		return nil, errNotPeers
	}
	if sum != fmt.Sprintf("%08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))) {
		return nil, errPeersSum
	}
	if owner != self.String() {
		return nil, fmt.Errorf("%w: %s, this is %s", errPeersOwner, owner, self)
	}
	return parsePeers(body)
}

func parsePeers(body []byte) ([]acquaintance, error) {
	var known []acquaintance
	for line := range bytes.Lines(body) {
		var a acquaintance
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotPeers, err)
		}
		if a.Gateway.IsZero() || len(known) == maxAcquaintances || len(a.Advertise) > maxAdvertise {
			return nil, fmt.Errorf("%w: a peer without a name, or too much of it", errNotPeers)
		}
		for _, addr := range a.Advertise {
			if !dialable(addr) {
				return nil, fmt.Errorf("%w: %s: address %s", errNotPeers, a.Gateway, addr)
			}
		}
		known = append(known, a)
	}
	return known, nil
}
