package registry

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var labels = rapid.StringMatching(`[a-z]([a-z0-9-]{0,8}[a-z0-9])?`)

var gateways = rapid.Custom(func(t *rapid.T) Gateway {
	return Gateway{Cluster(labels.Draw(t, "cluster")), labels.Draw(t, "name")}
})

var anyExport = rapid.Custom(func(t *rapid.T) Export {
	addr := func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "v6") {
			return netip.AddrFrom16([16]byte{0x20, 0x01, 15: rapid.Byte().Draw(t, "last")})
		}
		return netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "last")})
	}
	return Export{
		Service:    ServiceName{labels.Draw(t, "namespace"), labels.Draw(t, "service")},
		Visibility: rapid.SampledFrom([]Visibility{Federated, Mirrored, Both}).Draw(t, "visibility"),
		Reach:      rapid.SampledFrom([]Reach{ThroughGateway, Flat}).Draw(t, "reach"),
		Affinity:   rapid.SampledFrom([]Affinity{Local, Nearest, Spread}).Draw(t, "affinity"),
		Weight:     rapid.Uint32().Draw(t, "weight"),
		Priority:   rapid.Int32().Draw(t, "priority"),
		Ready:      rapid.Uint32().Draw(t, "ready"),
		Ports: rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Port {
			return Port{
				Name: labels.Draw(t, "port"), Port: rapid.Uint16Min(1).Draw(t, "number"),
				Protocol:    rapid.SampledFrom([]Protocol{TCP, UDP, SCTP}).Draw(t, "protocol"),
				AppProtocol: rapid.SampledFrom([]string{"", "http"}).Draw(t, "application protocol"),
			}
		}), 1, 3, func(p Port) string { return p.Name }).Draw(t, "ports"),
		Endpoints: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Endpoint {
			return Endpoint{addr(t), rapid.OneOf(rapid.Just(""), labels).Draw(t, "hostname")}
		}), 0, 3).Draw(t, "endpoints"),
		Allow:    rapid.SliceOfN(rapid.Map(labels, func(s string) Cluster { return Cluster(s) }), 0, 3).Draw(t, "allow"),
		Headless: rapid.Bool().Draw(t, "headless"),
		Since:    rapid.Int64().Draw(t, "since"),
		MCS: rapid.Ptr(rapid.Custom(func(t *rapid.T) MCS {
			return MCS{
				SessionAffinity: rapid.SampledFrom([]string{"", "ClientIP"}).Draw(t, "session affinity"), SessionAffinitySeconds: rapid.Int32().Draw(t, "seconds"),
				IPFamilies: rapid.SliceOfN(rapid.SampledFrom([]string{"IPv4", "IPv6"}), 0, 2).Draw(t, "families"),
				Labels:     rapid.MapOfN(labels, labels, 0, 3).Draw(t, "labels"),
			}
		}), true).Draw(t, "mcs"),
	}
}).Filter(func(e Export) bool { return e.Validate() == nil })

func TestEntriesSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExport.Draw(t, "export")
		owner, v := gateways.Draw(t, "owner"), Version{rapid.Uint64Min(1).Draw(t, "epoch"), rapid.Uint64Min(1).Draw(t, "seq")}
		written, err := newEntry(mute{}, Fingerprint{7}, owner, v, e.Service, encode(&e))
		require.NoError(t, err)

		f, err := decodeFrame((&frame{Bundles: []bundle{{Owner: owner, Entries: []signed{written.signed}}}}).encode())
		require.NoError(t, err)
		read, err := parseEntry(f.Bundles[0].Entries[0])
		require.NoError(t, err)
		require.Equal(t, written, read)
		require.NoError(t, read.Quarantined)
		require.Equal(t, encode(&e), encode(read.Export))
		require.Equal(t, []any{owner, v, e.Service, Fingerprint{7}}, []any{read.Owner, read.Version, read.Export.Service, read.By})
	})
}

func TestFramesSurviveTheirEncoding(t *testing.T) {
	versions := rapid.Custom(func(t *rapid.T) Version {
		return Version{rapid.Uint64().Draw(t, "epoch"), rapid.Uint64().Draw(t, "seq")}
	})
	some := rapid.SliceOfN(rapid.Byte(), 1, 20)
	wants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) want {
		return want{gateways.Draw(t, "owner"), versions.Draw(t, "after")}
	}), 1, 3)
	signeds := rapid.Custom(func(t *rapid.T) signed { return signed{Body: some.Draw(t, "body"), Sig: some.Draw(t, "sig")} })
	rapid.Check(t, func(t *rapid.T) {
		head := signeds.Draw(t, "head")
		f := &frame{
			Version: frameVersion, Root: some.Draw(t, "root"), Wants: wants.Draw(t, "wants"), Again: wants.Draw(t, "again"),
			Lines:   []line{{gateways.Draw(t, "owner"), versions.Draw(t, "version"), some.Draw(t, "sum"), rapid.Bool().Draw(t, "complete"), rapid.Bool().Draw(t, "forked")}},
			Bundles: []bundle{{gateways.Draw(t, "owner"), versions.Draw(t, "after"), &head, rapid.SliceOfN(signeds, 1, 3).Draw(t, "entries")}},
			News:    rapid.Bool().Draw(t, "news"), Asked: rapid.Bool().Draw(t, "asked"), Lacking: [][]byte{some.Draw(t, "lacking")},
			Chains: [][][]byte{{some.Draw(t, "leaf"), some.Draw(t, "intermediate")}},
		}
		read, err := decodeFrame(f.encode())
		require.NoError(t, err)
		require.Equal(t, f, read)
	})
}

func TestEqualExportsAreEqualBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExport.Draw(t, "export")
		read, err := decodeExport(e.Service, encode(&e))
		require.NoError(t, err)
		require.Equal(t, encode(&e), encode(read))
	})
}

// A gateway of a later version may put more into its entries, its heads and its frames.
func TestFieldsOfALaterVersionAreCarriedAlong(t *testing.T) {
	m := newMint()
	east, south, signer := start(t, m, east0, 1), start(t, m, Gateway{"south", "s-0"}, 1), m.signer(t, west0)
	_, err := east.keys.Add(signer.chain())
	require.NoError(t, err)

	by := signer.Fingerprint()
	entry, err := entryPurpose.sign(signer, later(t, encode(entryBody{
		Owner: west0, Version: Version{1, 1}, Service: name("web"), By: by[:], Export: later(t, content("web")),
	})))
	require.NoError(t, err)
	sum := hashOf(entryPurpose, entry.Body)
	head, err := headPurpose.sign(signer, later(t, encode(headBody{Owner: west0, Version: Version{1, 2}, Sum: sum[:], By: by[:]})))
	require.NoError(t, err)
	f, err := decodeFrame(later(t, (&frame{Bundles: []bundle{{Owner: west0, Head: &head, Entries: []signed{entry}}}}).encode()))
	require.NoError(t, err)

	east.hears(west0, f)
	pull(t, east, south)
	require.Equal(t, map[string]uint32{"web": 1}, south.of(t, west0))
	require.Equal(t, entry.Body, south.Entries(west0)[0].signed.Body, "byte for byte")
	require.True(t, south.lineOf(west0).Complete)
}

// later adds a field that this version doesn't know.
func later(t testing.TB, data []byte) []byte {
	var fields map[uint64]cbor.RawMessage
	require.NoError(t, cbor.Unmarshal(data, &fields))
	fields[99] = encode("something new")
	return encode(fields)
}

func TestDecodingIsStrictWhereDeterministicEncodersAre(t *testing.T) {
	good := (&frame{Root: make([]byte, 32)}).encode()
	_, err := decodeFrame(good)
	require.NoError(t, err)
	for what, data := range map[string][]byte{
		"nothing":              {},
		"something after it":   append(bytes.Clone(good), 0),
		"cut off":              good[:len(good)-1],
		"a key twice":          {0xa2, 0x01, 0x01, 0x01, 0x01},
		"an indefinite length": {0xbf, 0x01, 0x01, 0xff},
		"a tag":                {0xa1, 0x01, 0xc1, 0x01},
		"too deep":             append([]byte{0xa2, 0x01, 0x01, 0x18, 0x63}, append(bytes.Repeat([]byte{0x81}, maxDepth), 0x01)...),
		"too large":            append([]byte{0xa2, 0x01, 0x01, 0x18, 0x63}, encode(make([]byte, MaxFrame))...),
		"a huge array":         {0xa2, 0x01, 0x01, 0x04, 0x9a, 0x7f, 0xff, 0xff, 0xff},
		"no map":               {0x01},
	} {
		_, err := decodeFrame(data)
		require.Error(t, err, what)
	}
	_, err = decodeFrame(encode(frame{Version: frameVersion + 1}))
	require.ErrorIs(t, err, errFrameVersion)
}

func FuzzFrame(f *testing.F) {
	signer := mute{}
	e, _ := newEntry(signer, Fingerprint{1}, west0, Version{1, 1}, name("web"), content("web"))
	h, _ := newHead(signer, Fingerprint{1}, west0, Version{1, 2}, e.hash)
	root := make([]byte, 32)
	f.Add((&frame{Root: root}).encode())
	f.Add((&frame{Root: root, Lines: []line{{Owner: west0, Version: Version{1, 2}, Sum: e.hash[:lineSum], Complete: true}}}).encode())
	f.Add((&frame{Wants: []want{{Owner: west0}, {Owner: east0, After: Version{1, 1}}}}).encode())
	f.Add((&frame{News: true, Bundles: []bundle{{Owner: west0, Head: &h.signed, Entries: []signed{e.signed}}}, Chains: [][][]byte{{[]byte("leaf")}}}).encode())
	f.Add((&frame{News: true, Bundles: []bundle{{Owner: west0, After: Version{1, 7}, Entries: []signed{e.signed}}}}).encode())
	f.Add((&frame{Again: []want{{Owner: west0}}, Lacking: [][]byte{make([]byte, 32)}}).encode())
	m := newMint()
	signer0 := m.signer(f, east0)
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := decodeFrame(data)
		if err != nil {
			return
		}
		again, err := decodeFrame(in.encode())
		require.NoError(t, err)
		require.Equal(t, in.encode(), again.encode())

		n := newNode(t, m, signer0, east0, 1, Quota{})
		require.NoError(t, n.Publish(exports("web")))
		reply := n.answer(west0, in, now).encode()
		_, err = decodeFrame(reply)
		require.NoError(t, err)
	})
}

func FuzzSigned(f *testing.F) {
	e, _ := newEntry(mute{}, Fingerprint{1}, west0, Version{1, 1}, name("web"), content("web"))
	h, _ := newHead(mute{}, Fingerprint{1}, west0, Version{1, 2}, e.hash)
	gone, _ := newEntry(mute{}, Fingerprint{1}, west0, Version{1, 3}, name("web"), nil)
	for _, s := range []signed{e.signed, h.signed, gone.signed} {
		f.Add(s.Body, s.Sig)
	}
	f.Fuzz(func(t *testing.T, body, sig []byte) {
		s := signed{Body: body, Sig: sig}
		if e, err := parseEntry(s); err == nil {
			require.NoError(t, e.Owner.Validate())
			require.NoError(t, e.Service.Validate())
			if e.Export != nil {
				require.NoError(t, e.Export.Validate())
				require.Equal(t, e.Service, e.Export.Service)
			}
			blank(t).mergeLocked(east0, e.Owner, []*Entry{e}, nil, true)
		}
		if h, err := parseHead(s); err == nil {
			require.NoError(t, h.Owner.Validate())
			blank(t).mergeLocked(east0, h.Owner, nil, h, true)
		}
	})
}

func FuzzExport(f *testing.F) {
	f.Add(content("web"))
	e := export("web", 2)
	e.Endpoints = []Endpoint{{netip.MustParseAddr("10.0.0.1"), "web-0"}, {netip.MustParseAddr("2001:db8::1"), ""}}
	e.Allow = []Cluster{"east", "north"}
	f.Add(encode(&e))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeExport(name("web"), data)
		if err != nil {
			return
		}
		require.NoError(t, e.Validate())
		again, err := decodeExport(name("web"), encode(e))
		require.NoError(t, err)
		require.Equal(t, encode(e), encode(again))
	})
}
