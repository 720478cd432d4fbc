package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func observerOf(t *testing.T, handler http.Handler) Observer {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return Observer{Gateway: "east/e-0", Admin: netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))}
}

// TestObserverFollowsAcrossARestart breaks the stream off after each answer: what was told isn't told again, although a
// restarted gateway numbers its events anew.
func TestObserverFollowsAcrossARestart(t *testing.T) {
	line := func(id int, seconds float64, state string) string {
		return fmt.Sprintf("id: %d\ndata: {\"id\":%d,\"time\":%q,\"type\":\"link\",\"gateway\":\"west/w-0\",\"state\":%q}\n\n", id, id, at(seconds).Format(time.RFC3339Nano), state)
	}
	answers := []string{
		": welcome\n\n" + line(1, 1, "up") + line(2, 2, "suspect"),
		line(1, 1, "up") + line(2, 2, "suspect") + "data: no JSON\n\n" + line(3, 3, "down"),
		line(1, 4, "up"),
	}
	var asked atomic.Int32
	o := observerOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		if r.URL.String() != "/v1/events?since=0" || n >= len(answers) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, answers[n])
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var states []string
	o.Follow(ctx, func(e MeshEvent) {
		require.Equal(t, "east/e-0", e.Observer)
		require.Equal(t, "west/w-0", e.Gateway)
		if states = append(states, e.State); len(states) == 4 {
			cancel()
		}
	})
	require.Equal(t, []string{"up", "suspect", "down", "up"}, states)
}

func TestObserverReadsWhatAGatewayAnswers(t *testing.T) {
	mux := http.NewServeMux()
	answer := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	}
	answer("/v1/status", `{"gateway":"east/e-0","version":"v0.1.0"}`)
	answer("/v1/members", `[{"gateway":"west/w-0","cluster":"west","state":"dead","link":{"state":"down","rtt_ms":0.2}}]`)
	answer("/v1/links", `[{"gateway":"west/w-0","state":"up","last_opened":"2026-11-23T12:00:01Z"},{"gateway":"west/w-1","state":"down"}]`)
	answer("/v1/services", `[{"namespace":"shop","name":"web","vip":"127.81.3.7","clusters":[{"cluster":"west","ready":1,"eligible":true}]}]`)
	o := observerOf(t, mux)

	status, err := o.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, StatusView{Gateway: "east/e-0", Version: "v0.1.0"}, status)
	members, err := o.Members(t.Context())
	require.NoError(t, err)
	require.Equal(t, []MemberView{{Gateway: "west/w-0", State: "dead"}}, members)
	links, err := o.Links(t.Context())
	require.NoError(t, err)
	require.True(t, links[0].LastOpened.Equal(at(1)))
	require.True(t, links[1].LastOpened.IsZero())
	services, err := o.Services(t.Context())
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddr("127.81.3.7"), services[0].VIP)
	require.True(t, services[0].Clusters[0].Eligible)

	silent := Observer{Gateway: "east/e-1", Admin: netip.MustParseAddrPort("127.0.0.1:1")}
	_, err = silent.Members(t.Context())
	require.ErrorContains(t, err, "east/e-1")
}
