package registry

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	east1 = Gateway{"east", "e-1"}
	west1 = Gateway{"west", "w-1"}
	nord0 = Gateway{"nord", "n-0"}
)

const ms = time.Millisecond

// up is a gateway that serves, rtt away.
func up(rtt time.Duration) Liveness {
	return Liveness{Alive: true, Synced: true, Link: LinkUp, RTT: rtt}
}

func but(l Liveness, change func(*Liveness)) Liveness {
	change(&l)
	return l
}

// exporting returns the changes that lead to gateways exporting a service.
func exporting(service Export, gateways ...Gateway) []Change {
	var changes []Change
	for _, g := range gateways {
		changes = append(changes, Change{Owner: g, Service: service.Service, Export: &service})
	}
	return changes
}

func (a *Atlas) route(service string, only Cluster) string {
	var ways []string
	for _, c := range a.Directory().Route(VIPName{Service: name(service), Cluster: only}, "east", func(n uint64) uint64 { return 0 }) {
		ways = append(ways, strings.ReplaceAll(fmt.Sprint(c.Gateways), " ", ","))
	}
	return strings.Join(ways, " ")
}

func (a *Atlas) offers(t *testing.T, service string) map[Cluster]Offer {
	found, ok := a.Directory().Lookup(name(service))
	require.True(t, ok)
	offers := map[Cluster]Offer{}
	for _, offer := range found.Offers {
		offers[offer.Cluster] = offer
	}
	return offers
}

func TestAClusterIsCountedOnce(t *testing.T) {
	endpoint := func(last byte, host string) Endpoint { return Endpoint{netip.AddrFrom4([4]byte{10, 0, 0, last}), host} }
	one, two := export("db", 2), export("db", 3)
	one.Endpoints = []Endpoint{endpoint(2, "db-1"), endpoint(1, "db-0")}
	two.Endpoints = []Endpoint{endpoint(1, "db-0"), endpoint(2, "db-1"), endpoint(3, "db-2")}
	a := NewAtlas(east0)
	a.Apply(append(exporting(one, west0), exporting(two, west1)...))
	a.SetLiveness(map[Gateway]Liveness{west0: up(20 * ms), west1: up(10 * ms)})

	service, ok := a.Directory().Lookup(name("db"))
	require.True(t, ok)
	require.Len(t, service.Offers, 1)
	offer := service.Offers[0]
	require.EqualValues(t, 3, offer.Export.Ready)
	require.Equal(t, two.Endpoints, offer.Export.Endpoints)
	require.Equal(t, []Gateway{west0, west1}, offer.Gateways, "either is a way in")
	require.True(t, offer.Eligible)
	require.Equal(t, 10*ms, offer.RTT)
	require.Equal(t, "[west/w-0,west/w-1]", a.route("db", ""))
	require.Equal(t, []Endpoint{endpoint(2, "db-1"), endpoint(1, "db-0")}, one.Endpoints, "what is shared stays as it was")
}

func TestWhatMasksAGateway(t *testing.T) {
	for what, c := range map[string]struct {
		mask func(*Liveness)
		want string
	}{
		"nothing":                {func(*Liveness) {}, "[west/w-0] [nord/n-0]"},
		"the ring says dead":     {func(l *Liveness) { l.Alive = false }, "[nord/n-0]"},
		"not yet resynchronised": {func(l *Liveness) { l.Synced = false }, "[nord/n-0]"},
		"it drains":              {func(l *Liveness) { l.Draining = true }, "[nord/n-0]"},
		"its link is down":       {func(l *Liveness) { l.Link = LinkDown }, "[nord/n-0]"},
		"no link at all":         {func(l *Liveness) { l.Link = "" }, "[nord/n-0]"},
		"its link is suspect":    {func(l *Liveness) { l.Link = LinkSuspect }, "[nord/n-0] [west/w-0]"},
		"never heard of":         {func(l *Liveness) { *l = Liveness{} }, "[nord/n-0]"},
	} {
		a := NewAtlas(east0)
		a.Apply(exporting(export("web", 1), west0, nord0))
		a.SetLiveness(map[Gateway]Liveness{west0: but(up(10*ms), c.mask), nord0: up(50 * ms)})
		require.Equal(t, c.want, a.route("web", ""), what)
		offers := a.offers(t, "web")
		require.Len(t, offers, 2, "it exists all the same: %s", what)
		require.Equal(t, strings.Contains(c.want, "w-0"), offers["west"].Eligible, what)
		require.Equal(t, what == "its link is suspect", offers["west"].Suspect, what)
		require.EqualValues(t, 1, offers["west"].Export.Ready, "what it last said: %s", what)
	}
}

func TestWhatADeadGatewaySaidDoesntCount(t *testing.T) {
	a := NewAtlas(east0)
	a.Apply(append(exporting(export("web", 5), west0), exporting(export("web", 0), west1)...))
	a.SetLiveness(map[Gateway]Liveness{west0: {}, west1: up(ms)})
	offer := a.offers(t, "web")["west"]
	require.Zero(t, offer.Export.Ready, "its sibling, which lives, says that none is ready")
	require.False(t, offer.Eligible)
	require.Empty(t, a.route("web", ""))

	a.SetLiveness(map[Gateway]Liveness{west0: up(ms), west1: up(ms)})
	require.Equal(t, "[west/w-0]", a.route("web", ""), "a gateway without ready endpoints is no way in")
}

func TestWaysWithinACluster(t *testing.T) {
	a := NewAtlas(east1)
	a.Apply(exporting(export("web", 1), east0, east1, west0, west1))
	suspect := but(up(ms), func(l *Liveness) { l.Link = LinkSuspect })
	a.SetLiveness(map[Gateway]Liveness{east0: up(ms), west0: suspect, west1: up(9 * ms)})
	require.Equal(t, "[east/e-1,east/e-0] [west/w-1] [west/w-0]", a.route("web", ""), "ourselves first, suspect ones last of all")
	require.Equal(t, []Gateway{west1, west0}, a.offers(t, "web")["west"].Gateways)
	require.False(t, a.offers(t, "web")["west"].Suspect)
	require.Equal(t, 9*ms, a.offers(t, "web")["west"].RTT)

	a.SetLiveness(map[Gateway]Liveness{east1: but(up(ms), func(l *Liveness) { l.Draining = true })})
	require.Equal(t, "[east/e-1]", a.route("web", ""), "while we drain, what comes from beside us is served")
}

func TestFederatedAndMirroredNames(t *testing.T) {
	federated, mirrored, both := export("f", 1), export("m", 1), export("b", 1)
	federated.Visibility, mirrored.Visibility = Federated, Mirrored
	a := NewAtlas(east0)
	for _, service := range []Export{federated, mirrored, both} {
		a.Apply(exporting(service, west0, nord0))
	}
	a.SetLiveness(map[Gateway]Liveness{west0: up(ms), nord0: up(2 * ms)})
	for _, c := range []struct {
		service string
		only    Cluster
		want    string
	}{
		{"f", "", "[west/w-0] [nord/n-0]"}, {"f", "west", ""},
		{"m", "", ""}, {"m", "west", "[west/w-0]"}, {"m", "nord", "[nord/n-0]"},
		{"b", "", "[west/w-0] [nord/n-0]"}, {"b", "nord", "[nord/n-0]"}, {"b", "east", ""},
		{"unknown", "", ""},
	} {
		require.Equal(t, c.want, a.route(c.service, c.only), "%s %s", c.service, c.only)
	}
}

func TestOnlyAllowedClustersAreServed(t *testing.T) {
	a := NewAtlas(east0)
	closed := export("web", 1)
	closed.Allow = []Cluster{"nord"}
	a.Apply(append(exporting(closed, west0, east0), exporting(export("web", 1), nord0)...))
	a.SetLiveness(map[Gateway]Liveness{west0: up(ms), nord0: up(9 * ms)})
	require.Equal(t, "[east/e-0] [nord/n-0]", a.route("web", ""), "to its own cluster an export is always open")
	require.False(t, a.offers(t, "web")["west"].Eligible)
	require.True(t, a.offers(t, "web")["east"].Eligible)
}

func TestWhoseAffinityCounts(t *testing.T) {
	spread, nearest := export("web", 1), export("web", 1)
	spread.Affinity, nearest.Affinity = Spread, Nearest
	a := NewAtlas(east0)
	a.SetLiveness(map[Gateway]Liveness{east1: up(ms), west0: up(2 * ms), nord0: up(5 * ms)})
	a.Apply(append(exporting(spread, nord0), exporting(nearest, west0)...))
	require.Equal(t, "[nord/n-0] [west/w-0]", a.route("web", ""), "the first cluster's")
	a.Apply(exporting(nearest, east1))
	require.Equal(t, "[east/e-1] [west/w-0] [nord/n-0]", a.route("web", ""), "our own, where it has a say")
}

func TestPrioritiesAndWeightsAreEachClustersOwn(t *testing.T) {
	a := NewAtlas(east0)
	last, heavy := export("web", 1), export("web", 1)
	last.Priority, last.Affinity = 7, Spread
	heavy.Weight, heavy.Affinity = 100, Spread
	a.Apply(append(append(exporting(last, east0), exporting(heavy, west0)...), exporting(func() Export {
		e := export("web", 3)
		e.Affinity = Spread
		return e
	}(), nord0)...))
	a.SetLiveness(map[Gateway]Liveness{west0: up(ms), nord0: up(ms)})
	random, first := rand.New(rand.NewPCG(1, 2)), map[Cluster]int{}
	for range 10_300 {
		ways := a.Directory().Route(VIPName{Service: name("web")}, "east", random.Uint64N)
		require.Equal(t, Cluster("east"), ways[2].Cluster)
		first[ways[0].Cluster]++
	}
	require.InDelta(t, 300, first["nord"], 100, "100 to 3, whatever east would weigh")
}

func TestTheDirectoryIsASnapshot(t *testing.T) {
	a := NewAtlas(east0)
	empty := a.Directory()
	require.False(t, empty.Ready())
	a.Apply(exporting(export("web", 1), west0))
	select {
	case <-empty.Next():
	default:
		t.Fatal("nobody was told of the newer directory")
	}
	full := a.Directory()
	_, ok := empty.Lookup(name("web"))
	require.False(t, ok)
	require.Greater(t, full.Generation(), empty.Generation())

	a.SetReady(true)
	require.True(t, a.Directory().Ready())
	a.Apply([]Change{{Owner: west0, Service: name("web")}, {Owner: west0, Service: name("web")}})
	_, ok = a.Directory().Lookup(name("web"))
	require.False(t, ok, "nobody exports it any more")
	_, ok = full.Lookup(name("web"))
	require.True(t, ok)
	require.False(t, full.Ready())
}

func TestWhatChangesNothingMakesNoNewDirectory(t *testing.T) {
	a := NewAtlas(east0)
	live := map[Gateway]Liveness{west0: up(100 * ms)}
	a.SetLiveness(live)
	a.SetReady(true)
	before := a.Directory()
	live[west0] = up(110 * ms)
	a.SetLiveness(live)
	a.SetReady(true)
	a.Apply(nil)
	require.Same(t, before, a.Directory())
	live[west0] = up(130 * ms)
	a.SetLiveness(live)
	require.NotSame(t, before, a.Directory())
	live[west0] = but(up(130*ms), func(l *Liveness) { l.Draining = true })
	before = a.Directory()
	a.SetLiveness(live)
	require.NotSame(t, before, a.Directory())
}

func TestServicesAndNamespaces(t *testing.T) {
	a := NewAtlas(east0)
	for _, service := range []ServiceName{{"shop", "web"}, {"shop", "cart"}, {"bank", "web"}, {"shopping", "x"}} {
		e := export("", 1)
		e.Service = service
		a.Apply(exporting(e, west0))
	}
	var all []string
	for service := range a.Directory().Services() {
		require.Len(t, service.Offers, 1)
		all = append(all, service.Name.String())
	}
	require.Equal(t, []string{"web.bank", "cart.shop", "web.shop", "x.shopping"}, all)
	for range a.Directory().Services() {
		break
	}
	for namespace, exists := range map[string]bool{"shop": true, "bank": true, "shopping": true, "sho": false, "zoo": false, "": false} {
		require.Equal(t, exists, a.Directory().HasNamespace(namespace, func(*Export) bool { return true }), namespace)
	}
	only := func(name string) func(*Export) bool {
		return func(e *Export) bool { return e.Service.Name == name }
	}
	require.True(t, a.Directory().HasNamespace("shop", only("web")))
	require.False(t, a.Directory().HasNamespace("shop", only("x")), "that one is in the next namespace")
}
