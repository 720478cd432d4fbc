package registry

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A sheet is a bundle that a test fills with what nobody honest would say.
type sheet struct {
	t     testing.TB
	owner Gateway
	bundle
}

func (s *sheet) entry(signer Signer, owner Gateway, v Version, service string, content []byte) *sheet {
	e, err := newEntry(signer, signer.Fingerprint(), owner, v, name(service), content)
	require.NoError(s.t, err)
	s.Entries = append(s.Entries, e.signed)
	return s
}

// frame returns the bundle as news.
func (s *sheet) frame() *frame {
	s.Owner, s.After.Epoch = s.owner, 1
	return &frame{News: true, Bundles: []bundle{s.bundle}}
}

func (n *member) hears(from Gateway, f *frame) *frame { return n.answer(from, f, now) }

func content(service string) []byte {
	e := export(service, 1)
	return encode(&e)
}

func TestOnePoisonedEntryStopsNoOther(t *testing.T) {
	m := newMint()
	north0 := Gateway{"north", "n-0"}
	west, north := m.signer(t, west0), m.signer(t, north0)
	future := uint64(now.Add(maxAhead + time.Hour).UnixMilli())
	forged := func(s signed) signed { s.Sig = append([]byte{s.Sig[0] ^ 1}, s.Sig[1:]...); return s }

	for what, poison := range map[string]struct {
		reason Reason
		bundle func(s *sheet)
	}{
		"not CBOR":           {Malformed, func(s *sheet) { s.Entries = append(s.Entries, signed{Body: []byte("?"), Sig: []byte("?")}) }},
		"no signature":       {Malformed, func(s *sheet) { s.entry(west, west0, Version{1, 2}, "bad", content("bad")).Entries[0].Sig = nil }},
		"no version":         {Malformed, func(s *sheet) { s.Entries = append(s.Entries, unversioned(t, west)) }},
		"another owner's":    {Malformed, func(s *sheet) { s.entry(north, north0, Version{1, 2}, "bad", content("bad")) }},
		"another's key":      {Foreign, func(s *sheet) { s.entry(north, west0, Version{1, 2}, "bad", content("bad")) }},
		"changed on its way": {Forged, func(s *sheet) { s.Entries = append(s.Entries, forged(signedEntry(t, west, "bad"))) }},
		"from the future":    {Future, func(s *sheet) { s.entry(west, west0, Version{future, 2}, "bad", content("bad")) }},
		"more than its quota": {OverQuota, func(s *sheet) {
			s.entry(west, west0, Version{1, 2}, "b", content("b")).entry(west, west0, Version{1, 3}, "c", content("c"))
		}},
		"a forged head": {Forged, func(s *sheet) {
			h, err := newHead(west, west.Fingerprint(), west0, Version{1, 9}, Hash{})
			require.NoError(t, err)
			bad := forged(h.signed)
			s.Head = &bad
		}},
		"a head of another": {Foreign, func(s *sheet) {
			h, err := newHead(north, north.Fingerprint(), west0, Version{1, 9}, Hash{})
			require.NoError(t, err)
			s.Head = &h.signed
		}},
	} {
		t.Run(what, func(t *testing.T) {
			east := newNode(t, m, m.signer(t, east0), east0, 1, Quota{Entries: 2})
			for _, signer := range []*testSigner{west, north} {
				_, err := east.keys.Add(signer.chain())
				require.NoError(t, err)
			}
			s := &sheet{t: t, owner: west0}
			poison.bundle(s)
			s.entry(west, west0, Version{1, 1}, "good", content("good"))
			f := s.frame()
			f.Bundles = append(f.Bundles, (&sheet{t: t, owner: north0}).entry(north, north0, Version{1, 1}, "web", content("web")).frame().Bundles...)

			east.hears(Gateway{"south", "s-0"}, f)
			if poison.reason != OverQuota {
				require.Equal(t, map[string]uint32{"good": 1}, east.of(t, west0))
			}
			require.Equal(t, map[string]uint32{"web": 1}, east.of(t, north0), "another owner's")
			require.Equal(t, map[Reason]uint64{poison.reason: 1}, east.refused())
			require.Equal(t, Gateway{"south", "s-0"}, east.Refusals()[0].From, "who sent it")
			require.NotEmpty(t, east.Refusals()[0].Last)
		})
	}
}

func signedEntry(t testing.TB, signer Signer, service string) signed {
	e, err := newEntry(signer, signer.Fingerprint(), west0, Version{1, 2}, name(service), content(service))
	require.NoError(t, err)
	return e.signed
}

func unversioned(t testing.TB, signer *testSigner) signed {
	by := signer.Fingerprint()
	s, err := entryPurpose.sign(signer, encode(entryBody{Owner: west0, Service: name("bad"), By: by[:], Export: content("bad")}))
	require.NoError(t, err)
	return s
}

func TestAnEntrySignatureIsNoHeadSignature(t *testing.T) {
	m := newMint()
	signer, keys := m.signer(t, west0), NewKeyring(m.verify)
	_, err := keys.Add(signer.chain())
	require.NoError(t, err)
	s, err := entryPurpose.sign(signer, []byte("body"))
	require.NoError(t, err)
	require.NoError(t, keys.Verify(west0, signer.Fingerprint(), entryPurpose.message(s.Body), s.Sig))
	require.ErrorIs(t, keys.Verify(west0, signer.Fingerprint(), headPurpose.message(s.Body), s.Sig), ErrSignature)
}

// What is rightly signed and makes no sense, as it may in a version to come, is not served. It is held and passed on, so
// that everybody still agrees on what is complete.
func TestQuarantinedEntriesArePassedOnAndNotServed(t *testing.T) {
	m := newMint()
	east, south := start(t, m, east0, 1), start(t, m, Gateway{"south", "s-0"}, 1)
	signer := m.signer(t, west0)
	_, err := east.keys.Add(signer.chain())
	require.NoError(t, err)

	strange := export("strange", 1)
	strange.Reach = "teleport"
	s := (&sheet{t: t, owner: west0}).entry(signer, west0, Version{1, 1}, "web", content("web")).
		entry(signer, west0, Version{1, 2}, "strange", encode(&strange)).
		entry(signer, west0, Version{1, 3}, "garbled", []byte{0xa1, 0x01, 0x05})
	var sum Hash
	for _, e := range s.Entries {
		sum.toggle(hashOf(entryPurpose, e.Body))
	}
	h, err := newHead(signer, signer.Fingerprint(), west0, Version{1, 4}, sum)
	require.NoError(t, err)
	s.Head = &h.signed

	east.hears(west0, s.frame())
	pull(t, east, south)
	for _, n := range []*member{east, south} {
		require.Equal(t, map[string]uint32{"web": 1}, n.of(t, west0))
		require.Equal(t, map[Reason]uint64{Quarantine: 2}, n.refused())
		require.Len(t, n.Entries(west0), 3)
		require.True(t, n.lineOf(west0).Complete)
		require.Equal(t, east.Root(), n.Root())
	}
}

func TestOneOwnersGatewaysDontCrowdOutOthers(t *testing.T) {
	m := newMint()
	east := start(t, m, east0, 1)
	for i := range maxOwnersPerCluster + 5 {
		g := Gateway{"west", fmt.Sprintf("w-%d", i)}
		signer := m.signer(t, g)
		_, err := east.keys.Add(signer.chain())
		require.NoError(t, err)
		east.hears(g, (&sheet{t: t, owner: g}).entry(signer, g, Version{1, 1}, "web", content("web")).frame())
	}
	require.Len(t, east.Owners(), maxOwnersPerCluster)
	require.Positive(t, east.refused()[OverQuota])
	north := start(t, m, Gateway{"north", "n-0"}, 1)
	require.NoError(t, north.Publish(exports("web")))
	pull(t, north, east)
	require.Len(t, east.of(t, Gateway{"north", "n-0"}), 1)
	require.NoError(t, east.Publish(exports("web")), "and never ourselves")
	require.Len(t, east.of(t, east0), 1)
}

// Bad signatures cost as much as good ones, so a frame full of them isn't looked at to its end.
func TestAFrameOfForgeriesIsNotReadToItsEnd(t *testing.T) {
	m := newMint()
	east, signer := start(t, m, east0, 1), m.signer(t, west0)
	_, err := east.keys.Add(signer.chain())
	require.NoError(t, err)
	s := &sheet{t: t, owner: west0}
	for i := range 3 * maxForged {
		s.entry(signer, west0, Version{1, uint64(i + 1)}, fmt.Sprintf("s%d", i), nil).Entries[i].Sig = []byte{1}
	}
	east.hears(west0, s.frame())
	require.Equal(t, map[Reason]uint64{Forged: maxForged}, east.refused())
}

func TestRefusalsAreBounded(t *testing.T) {
	var r refusals
	for i := range 2 * maxRefusers {
		r.add(Gateway{"west", fmt.Sprintf("w-%d", i)}, Forged, ErrSignature)
	}
	require.LessOrEqual(t, len(r.list()), maxRefusers+1)
	var total uint64
	for _, counted := range r.list() {
		total += counted.Count
	}
	require.EqualValues(t, 2*maxRefusers, total)
}
