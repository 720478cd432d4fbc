package gossip

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

// newTestRing returns a ring that isn't running, of east/e-0, and the identity of west/w-0 that it knows.
func newTestRing(t *testing.T, setups ...setup) (*Ring, *identity) {
	t.Helper()
	west := newIdentity(gateway("west/w-0"))
	cfg := Config{Self: gateway("east/e-0"), Instance: 5, Links: &postbox{}, Signer: newIdentity(gateway("east/e-0")), Keyring: newKeyring()}
	_, err := cfg.Keyring.Add(west.chain)
	require.NoError(t, err)
	for _, change := range setups {
		change(&cfg, nil)
	}
	r, err := New(cfg)
	require.NoError(t, err)
	return r, west
}

// node makes what memberlist asks the guard about.
func announcement(t *testing.T, name string, by registry.Signer) *memberlist.Node {
	t.Helper()
	wire, err := signMeta(gateway(name), 1, nil, by)
	require.NoError(t, err)
	return &memberlist.Node{Name: name, Addr: memberAddr(gateway(name)).AsSlice(), Port: memberPort, Meta: wire, PMin: 1, PMax: 5, PCur: 2}
}

func TestGuard(t *testing.T) {
	r, west := newTestRing(t)
	for name, c := range map[string]struct {
		change func(*memberlist.Node)
		reason Refusal
	}{
		"true":                         {func(*memberlist.Node) {}, ""},
		"no gateway's name":            {func(n *memberlist.Node) { n.Name = "west" }, BadName},
		"an address of its own":        {func(n *memberlist.Node) { n.Addr = []byte{10, 0, 0, 1} }, BadAddress},
		"no address":                   {func(n *memberlist.Node) { n.Addr = nil }, BadAddress},
		"another port":                 {func(n *memberlist.Node) { n.Port++ }, BadAddress},
		"a protocol that nobody has":   {func(n *memberlist.Node) { n.PMin, n.PCur = 5, 5 }, BadVersion},
		"a delegate version":           {func(n *memberlist.Node) { n.DMin = 1 }, BadVersion},
		"no metadata":                  {func(n *memberlist.Node) { n.Meta = nil }, BadMetadata},
		"metadata of the next version": {func(n *memberlist.Node) { n.Meta[0]++ }, BadMetadata},
		"a changed signature":          {func(n *memberlist.Node) { n.Meta[5]++ }, BadSignature},
		"an unknown certificate": {func(n *memberlist.Node) {
			n.Meta = announcement(t, "west/w-0", newIdentity(gateway("west/w-0"))).Meta
		}, UnknownKey},
		"another's metadata": {func(n *memberlist.Node) {
			n.Name, n.Addr = "north/n-0", memberAddr(gateway("north/n-0")).AsSlice()
		}, NotOwner},
	} {
		t.Run(name, func(t *testing.T) {
			node := announcement(t, "west/w-0", west)
			c.change(node)
			_, reason := guard{r}.examine(node)
			require.Equal(t, c.reason, reason)
		})
	}
}

// TestRefusalsAreLoggedOnce: a liar repeats itself; it is counted each time.
func TestRefusalsAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	r, west := newTestRing(t, func(c *Config, _ *host) { c.Log = zerolog.New(&log) })
	forged := announcement(t, "east/e-7", west)
	for range 10 {
		require.ErrorIs(t, guard{r}.NotifyAlive(forged), NotOwner)
	}
	for i := range 2 * maxComplaints {
		require.Error(t, guard{r}.NotifyAlive(&memberlist.Node{Name: strings.Repeat("x", i)}))
	}
	require.EqualValues(t, 10, r.Stats().Refused[NotOwner])
	require.EqualValues(t, 2*maxComplaints, r.Stats().Refused[BadName])
	require.Equal(t, maxComplaints, strings.Count(log.String(), "\n"))
	require.Equal(t, 1, strings.Count(log.String(), "east/e-7"))
}

// TestWanted: keys that nobody has are looked for ever more slowly, for a while; and only so many.
func TestWanted(t *testing.T) {
	w, start := newWanted(), time.Unix(1000, 0)
	for i := range 2 * maxWanted {
		w.want(registry.Gateway{Cluster: "west", Name: string(rune('a' + i))}, nil, start)
	}
	require.Len(t, w.list, maxWanted)
	attempts := 0
	for now := start; now.Before(start.Add(2 * wantedFor)); {
		due, next := w.due(now)
		attempts += len(due)
		require.Positive(t, next)
		now = now.Add(next)
	}
	require.Empty(t, w.list)
	require.Equal(t, 7*maxWanted, attempts)
}

// TestClaims: what lingers of an earlier life is no conflict; what goes on is.
func TestClaims(t *testing.T) {
	var c claims
	now := time.Unix(1000, 0)
	require.False(t, c.sighted(now))
	require.False(t, c.sighted(now.Add(conflictSpan/2)))
	require.False(t, c.sighted(now.Add(2*conflictGap)), "an hour later is another matter")
	require.True(t, c.sighted(now.Add(2*conflictGap+conflictSpan)))
}

// TestClaimNeedsProof: who says that our name is held elsewhere must prove that it is, and that it started later.
func TestClaimNeedsProof(t *testing.T) {
	own := newIdentity(gateway("east/e-0"))
	r, west := newTestRing(t, func(c *Config, _ *host) {
		_, err := c.Keyring.Add(own.chain)
		require.NoError(t, err)
	})
	conflicts := func(instance uint64, by registry.Signer) bool {
		wire, err := signMeta(r.cfg.Self, instance, nil, by)
		require.NoError(t, err)
		node := announcement(t, "east/e-0", by)
		node.Meta = wire
		r.claims.first, r.claims.last = time.Now().Add(-conflictSpan), time.Now()
		require.NoError(t, guard{r}.NotifyAlive(node), "memberlist has to refute it")
		select {
		case <-r.conflict:
			return true
		default:
			return false
		}
	}
	require.True(t, conflicts(r.cfg.Instance+1, own))
	require.False(t, conflicts(r.cfg.Instance, own), "ourselves")
	require.False(t, conflicts(r.cfg.Instance-1, own), "our last life")
	require.False(t, conflicts(r.cfg.Instance+1, west), "a forgery")
	require.False(t, conflicts(r.cfg.Instance+1, newIdentity(gateway("east/e-0"))), "a certificate that isn't known yet")
	due, _ := r.keys.due(time.Now())
	require.Contains(t, due, r.cfg.Self, "and is looked for")
}

func TestLogReading(t *testing.T) {
	for line, name := range map[string]string{
		"[INFO] memberlist: Suspect west/w-0 has failed, no acks received\n": "west/w-0",
		"[INFO] memberlist: Suspect west has failed, no acks received\n":     "",
		"[DEBUG] memberlist: Failed UDP ping: west/w-0 (timeout reached)\n":  "",
		"": "",
	} {
		var suspect string
		w := &logWriter{suspect: func(g registry.Gateway) { suspect = g.String() }}
		n, err := w.Write([]byte(line))
		require.NoError(t, err)
		require.Equal(t, len(line), n)
		require.Equal(t, name, suspect, line)
	}
}

func TestConfigErrors(t *testing.T) {
	good := Config{Self: gateway("east/e-0"), Links: &postbox{}, Signer: newIdentity(gateway("east/e-0")), Keyring: newKeyring()}
	for says, change := range map[string]func(*Config){
		"Links, Signer and Keyring are required":           func(c *Config) { c.Links = nil },
		`gateway "East/e-0": cluster: "East"`:              func(c *Config) { c.Self.Cluster = "East" },
		"advertise: 0.0.0.0:7946: want an address":         func(c *Config) { c.Advertise = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:7946")} },
		`seed "gw.west": want host:port`:                   func(c *Config) { c.Seeds = []string{"gw.west"} },
		`seed "gw.west:0": want host:port`:                 func(c *Config) { c.Seeds = []string{"gw.west:0"} },
		"sign metadata: no key":                            func(c *Config) { c.Signer = keyless{} },
		"signature of 400 bytes, want at most 255: use an": func(c *Config) { c.Signer = bulky(400) },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, says)
	}
}

type keyless struct{ bulky }

func (keyless) Sign([]byte) ([]byte, error) { return nil, errors.New("no key") }
