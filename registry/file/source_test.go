package file

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/registry"
)

// report is one call back, and when it came.
type report struct {
	at     time.Duration
	locals []registry.Own
}

// watching is a running source in virtual time, on a host whose backends come and go.
type watching struct {
	host    *chaos.Host
	reports chan report
}

// next waits for the next report.
func (w watching) next(t *testing.T) report {
	select {
	case r := <-w.reports:
		return r
	case <-time.After(time.Minute):
		require.FailNow(t, "no report")
		return report{}
	}
}

func watch(t *testing.T, services []Service, test func(t *testing.T, w watching), before func(t *testing.T, host *chaos.Host)) {
	synctest.Test(t, func(t *testing.T) {
		network := chaos.NewNetwork(1)
		defer network.Close()
		w := watching{host: network.Host(netip.MustParseAddr("10.0.0.1")), reports: make(chan report, 100)}
		before(t, w.host)
		start := time.Now()
		source, err := New(Config{
			Services: services, Dial: w.host.Dial,
			OnChange: func(locals []registry.Own) { w.reports <- report{time.Since(start), locals} },
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- source.Run(ctx) }()
		test(t, w)
		stopped := time.Now()
		cancel()
		require.NoError(t, <-ended)
		require.Zero(t, time.Since(stopped), "Run returns at once")
	})
}

func web(endpoints ...string) Service {
	return Service{
		Name: "web", Namespace: "shop", Ports: []registry.Port{{Name: "http", Port: 8080, Protocol: registry.TCP}}, Endpoints: endpoints,
		Check: &Check{HTTP: "/healthz", Interval: "500ms", Timeout: "300ms"},
	}
}

func backendsAt(texts ...string) []registry.Backend {
	var parsed []registry.Backend
	for _, text := range texts {
		parsed = append(parsed, registry.Backend{Addr: netip.MustParseAddrPort(text)})
	}
	return parsed
}

// TestSourceFollowsBackends goes through the life of two backends, and says when each change is known.
func TestSourceFollowsBackends(t *testing.T) {
	var first, second *backend
	watch(t, []Service{web("127.0.0.1:9001", "127.0.0.1:9002")}, func(t *testing.T, w watching) {
		expect := func(latest time.Duration, ready ...string) report {
			t.Helper()
			start := time.Now()
			r := w.next(t)
			require.LessOrEqual(t, time.Since(start), latest)
			require.Len(t, r.locals, 1)
			require.EqualValues(t, len(ready), r.locals[0].Export.Ready)
			require.Equal(t, backendsAt(ready...), r.locals[0].Backends[registry.PortNumber{Port: 8080, Protocol: registry.TCP}])
			require.Empty(t, r.locals[0].Export.Endpoints, "nobody outside needs them")
			return r
		}
		const interval, timeout = 500 * time.Millisecond, 300 * time.Millisecond
		require.Zero(t, expect(0, "127.0.0.1:9001", "127.0.0.1:9002").at, "one report, with both")

		second.stop()
		expect(interval, "127.0.0.1:9001") // refused: at once
		second = serve(t, w.host, "127.0.0.1:9002")
		expect(interval, "127.0.0.1:9001", "127.0.0.1:9002")

		for _, trouble := range []func(<-chan struct{}, net.Conn, *http.Request){status(500), status(404), status(199), hang, nonsense, babble} {
			first.behave(trouble)
			start := time.Now()
			expect(2*interval+timeout, "127.0.0.1:9002") // the second failure in a row
			require.Greater(t, time.Since(start), interval-timeout)
			first.behave(status(302))
			expect(interval+timeout, "127.0.0.1:9001", "127.0.0.1:9002")
		}

		first.behave(status(500)) // one failure alone
		time.Sleep(interval + interval/2)
		first.behave(status(200))
		time.Sleep(time.Minute)
		require.Empty(t, w.reports)

		first.stop()
		second.stop()
		for r := w.next(t); r.locals[0].Export.Ready > 0; {
			r = w.next(t)
		}
	}, func(t *testing.T, host *chaos.Host) {
		first, second = serve(t, host, "127.0.0.1:9001"), serve(t, host, "127.0.0.1:9002")
	})
}

// TestSourceWaitsForAll starts with an endpoint that nothing answers for. The first report waits for its timeout, and
// says all there is; a hung endpoint delays no later report.
func TestSourceWaitsForAll(t *testing.T) {
	var good *backend
	services := []Service{web("127.0.0.1:9001"), {
		Name: "db", Namespace: "shop", Reach: registry.Flat, Ports: []registry.Port{{Name: "pg", Port: 5432}, {Name: "metrics", Port: 9187}},
		Endpoints: []string{"10.0.0.1", "10.0.0.99"}, // nobody has the second address
	}}
	watch(t, services, func(t *testing.T, w watching) {
		r := w.next(t)
		require.Equal(t, time.Second, r.at, "the timeout of the check")
		require.Len(t, r.locals, 2)
		require.EqualValues(t, 1, r.locals[0].Export.Ready)
		db := r.locals[1]
		require.EqualValues(t, 1, db.Export.Ready)
		require.Equal(t, []registry.Endpoint{{Addr: netip.MustParseAddr("10.0.0.1")}}, db.Export.Endpoints, "flat: clients go there")
		require.Equal(t, map[registry.PortNumber][]registry.Backend{
			{Port: 5432, Protocol: registry.TCP}: backendsAt("10.0.0.1:5432"), {Port: 9187, Protocol: registry.TCP}: backendsAt("10.0.0.1:9187"),
		}, db.Backends)
		require.NoError(t, db.Export.Validate())

		stopped := time.Now()
		good.stop()
		r = w.next(t)
		require.Zero(t, r.locals[0].Export.Ready)
		require.Equal(t, map[registry.PortNumber][]registry.Backend{{Port: 8080, Protocol: registry.TCP}: nil}, r.locals[0].Backends, "the port is still exported")
		require.LessOrEqual(t, time.Since(stopped), 500*time.Millisecond)
	}, func(t *testing.T, host *chaos.Host) {
		good = serve(t, host, "127.0.0.1:9001")
		_, err := host.Listen(netip.MustParseAddrPort("10.0.0.1:5432")) // connecting is enough
		require.NoError(t, err)
	})
}

// TestSourceOfUDP has a service that can't be checked beside one that is checked over TCP, though UDP comes first.
func TestSourceOfUDP(t *testing.T) {
	services := []Service{
		{Name: "log", Namespace: "ops", Ports: []registry.Port{{Port: 514, Protocol: registry.UDP}}, Endpoints: []string{"127.0.0.1:1514"}},
		{
			Name: "names", Namespace: "ops", Endpoints: []string{"127.0.0.1:5353"},
			Ports: []registry.Port{{Name: "udp", Port: 53, Protocol: registry.UDP}, {Name: "tcp", Port: 53}},
		},
	}
	watch(t, services, func(t *testing.T, w watching) {
		r := w.next(t)
		require.EqualValues(t, 1, r.locals[0].Export.Ready, "nobody asks")
		require.Equal(t, backendsAt("127.0.0.1:1514"), r.locals[0].Backends[registry.PortNumber{Port: 514, Protocol: registry.UDP}])
		require.Zero(t, r.locals[1].Export.Ready, "nobody listens yet")

		_, err := w.host.Listen(netip.MustParseAddrPort("127.0.0.1:5353"))
		require.NoError(t, err)
		r = w.next(t)
		require.EqualValues(t, 1, r.locals[1].Export.Ready)
		require.Equal(t, map[registry.PortNumber][]registry.Backend{
			{Port: 53, Protocol: registry.UDP}: backendsAt("127.0.0.1:5353"), {Port: 53, Protocol: registry.TCP}: backendsAt("127.0.0.1:5353"),
		}, r.locals[1].Backends)
	}, func(*testing.T, *chaos.Host) {})
}

// TestSourceWithoutServices reports the empty set, so that whoever waits for the first report doesn't wait for ever.
func TestSourceWithoutServices(t *testing.T) {
	watch(t, nil, func(t *testing.T, w watching) {
		require.Empty(t, w.next(t).locals)
	}, func(*testing.T, *chaos.Host) {})
}

// TestSourceEndsWhileDialling stops with a check that hangs in its dial, and one that hangs in its read.
func TestSourceEndsWhileDialling(t *testing.T) {
	watch(t, []Service{web("127.0.0.1:9001", "10.0.0.99:9001")}, func(*testing.T, watching) {
		time.Sleep(100 * time.Millisecond)
	}, func(t *testing.T, host *chaos.Host) {
		serve(t, host, "127.0.0.1:9001").behave(hang)
	})
}

func TestNewNeedsItsFunctions(t *testing.T) {
	_, err := New(Config{})
	require.Error(t, err)
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, errors.New("no") }
	_, err = New(Config{Dial: dial, OnChange: func([]registry.Own) {}, Services: []Service{{}}})
	require.ErrorContains(t, err, "services[0].name")
}
