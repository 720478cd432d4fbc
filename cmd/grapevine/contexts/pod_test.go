package contexts

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

func TestASampleTravelsAsItIs(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 11, 23, 12, 0, 0, 123_456_000, time.UTC)
	for _, want := range []chaos.Sample{
		{Observer: "east", Served: "west", Intended: due, Started: due.Add(40 * time.Microsecond), Ended: due.Add(1500 * time.Microsecond),
			Steps: chaos.Steps{Resolve: 300 * time.Microsecond, Connect: 200 * time.Microsecond}},
		{Observer: "east", Intended: due, Started: due, Ended: due.Add(5 * time.Second), Err: errors.New("connect: refused")},
	} {
		there := want
		there.Observer = "" // the Pod doesn't know where it is
		encoded, err := json.Marshal(newPodSample(there))
		require.NoError(t, err)
		require.Less(t, len(encoded), 110, "compact")
		var p podSample
		require.NoError(t, json.Unmarshal(encoded, &p))
		got := p.sample("east", chaos.Clock{})
		require.Equal(t, want.Err, got.Err)
		require.True(t, got.Intended.Equal(want.Intended) && got.Started.Equal(want.Started) && got.Ended.Equal(want.Ended))
		require.Equal(t, want.Served, got.Served)
		require.Equal(t, want.Steps, got.Steps)
		require.True(t, p.sample("east", chaos.Clock{Ahead: time.Hour}).Ended.Equal(want.Ended.Add(-time.Hour)), "in our time")
	}
}

func TestRecordKeepsTheLastSamples(t *testing.T) {
	t.Parallel()
	r := new(record)
	require.Empty(t, r.after(0))
	for range maxKept + 10 {
		r.add(chaos.Sample{})
	}
	require.EqualValues(t, maxKept+10, r.lastNumber())
	oldest := r.after(0)
	require.Len(t, oldest, maxBatch)
	require.Greater(t, oldest[0].N, uint64(1), "the first ones made room")
	for n := oldest[0].N; n < r.lastNumber(); {
		batch := r.after(n)
		require.Equal(t, n+1, batch[0].N, "without a gap from there on")
		n = batch[len(batch)-1].N
	}
	require.Empty(t, r.after(r.lastNumber()))
	require.Empty(t, r.after(r.lastNumber()+5), "a number from the future")
}

func newTestPod(t *testing.T, web http.HandlerFunc) (*Pod, *httptest.Server) {
	t.Helper()
	service := httptest.NewServer(web)
	t.Cleanup(service.Close)
	port := netip.MustParseAddrPort(service.Listener.Addr().String()).Port()
	pod, err := NewPod(PodConfig{Name: "frontend.shop.federated.", Port: port, Rate: 100, DNS: netip.MustParseAddrPort(serveNames(t))})
	require.NoError(t, err)
	server := httptest.NewServer(pod.handler())
	t.Cleanup(server.Close)
	return pod, server
}

func TestPodAsksWhenItIsTold(t *testing.T) {
	t.Parallel()
	pod, server := newTestPod(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "west frontend-0\nmore") })
	done := make(chan struct{})
	go func() {
		defer close(done)
		pod.prober.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
	post := func(path string) (state podState) {
		response, err := http.Post(server.URL+path, "", nil)
		require.NoError(t, err)
		defer response.Body.Close()
		require.NoError(t, json.NewDecoder(response.Body).Decode(&state))
		return state
	}
	require.Zero(t, post("/pause").Last, "it begins with a pause")
	state := post("/resume")
	require.NotEmpty(t, state.Instance)
	require.WithinDuration(t, time.Now(), state.Now, 5*time.Second)

	response, err := http.Get(server.URL + "/samples?after=0&instance=" + state.Instance)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	var last podSample
	for last.N < 20 && lines.Scan() {
		require.NoError(t, json.Unmarshal(lines.Bytes(), &last))
	}
	require.Equal(t, "west", last.By, "the first word")
	require.Eventually(t, func() bool { return post("/pause").Idle }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, post("/pause").Last, post("/pause").Last)

	for path, status := range map[string]int{"/samples?after=0&instance=other": 409, "/samples?after=x&instance=" + state.Instance: 400, "/resolve": 200, "/nothing": 404} {
		response, err := http.Get(server.URL + path)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, status, response.StatusCode, path)
	}
}

func TestPodRefusesAnAnswerWithoutAName(t *testing.T) {
	t.Parallel()
	pod, _ := newTestPod(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, " \n") })
	_, _, err := pod.ask(t.Context())
	require.ErrorContains(t, err, "its first word should be the name of the cluster")
}

func TestNameServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"search shop.svc.cluster.local\nnameserver 10.96.0.10\nnameserver 10.96.0.11\noptions ndots:5\n": "10.96.0.10:53",
		"nameserver fd00::a":   "[fd00::a]:53",
		"options ndots:5\n":    "",
		"nameserver 10.96.0\n": "",
	} {
		path := filepath.Join(t.TempDir(), "resolv.conf")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		address, err := nameServer(path)
		if want == "" {
			require.ErrorContains(t, err, path)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, address.String())
	}
}

func TestForwarded(t *testing.T) {
	t.Parallel()
	require.Equal(t, "127.0.0.1:40123", forwarded("Forwarding from 127.0.0.1:40123 -> 7980"))
	require.Empty(t, forwarded("Handling connection for 40123"))
}

// TestManifestIsRestricted holds what Pod Security "restricted" asks for, and what is taken over from the gateways.
func TestManifestIsRestricted(t *testing.T) {
	t.Parallel()
	p := &place{Config: Config{Namespace: "mesh", Service: "frontend", Space: "shop", Port: 80, Rate: 7}}
	require.NoError(t, json.Unmarshal([]byte(statefulSetJSON), &p.set))
	var pod struct {
		Metadata struct{ Name, Namespace string }
		Spec     struct {
			podSpec
			AutomountServiceAccountToken bool
			Tolerations                  []any
			SecurityContext              struct {
				RunAsNonRoot   bool
				RunAsUser      int64
				SeccompProfile struct{ Type string }
			}
			Containers []struct {
				container
				Args            []string
				SecurityContext struct {
					AllowPrivilegeEscalation *bool
					ReadOnlyRootFilesystem   bool
					Capabilities             struct{ Drop []string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(p.manifest(), &pod))
	require.Equal(t, "mesh", pod.Metadata.Namespace)
	require.True(t, pod.Spec.SecurityContext.RunAsNonRoot)
	require.EqualValues(t, 65531, pod.Spec.SecurityContext.RunAsUser, "the gateways' own")
	require.Equal(t, "RuntimeDefault", pod.Spec.SecurityContext.SeccompProfile.Type)
	require.Equal(t, []map[string]string{{"name": "pull"}}, pod.Spec.ImagePullSecrets)
	require.Empty(t, pod.Spec.Tolerations)
	c := pod.Spec.Containers[0]
	require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, c.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop)
	require.Equal(t, "registry/grapevine:1", c.Image)
	require.Equal(t, "Never", c.ImagePullPolicy)
	require.Equal(t, []string{"/bin/grapevine"}, c.Command, "the program, without its arguments")
	require.Equal(t, "chaos prober --name frontend.shop.federated. --port 80 --rate 7 --listen 127.0.0.1:7990", strings.Join(c.Args, " "))
}
