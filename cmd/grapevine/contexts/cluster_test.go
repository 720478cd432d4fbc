package contexts

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cluster stands in for a cluster with two gateways and the service. Its prober is a real one.
type cluster struct {
	world         *world
	context, name string
	gateways      map[string]*httptest.Server // by Pod

	mu       sync.Mutex
	dead     bool          // no power: nothing answers
	silent   bool          // the API server alone is away
	broken   chan struct{} // closed when all forwards break
	restarts int           // of the second gateway
	writes   int           // of the derived objects
	events   []string
	ahead    time.Duration // of its clocks
	missing  string        // a gateway that it doesn't see
	exported bool
	pod      *Pod // the prober
	podHTTP  *httptest.Server
	stopPod  func()
	manifest string
}

func newCluster(w *world, name string) *cluster {
	c := &cluster{
		world: w, context: name + "-ctx", name: name, exported: true,
		gateways: make(map[string]*httptest.Server), broken: make(chan struct{}), stopPod: func() {},
	}
	for _, pod := range []string{"grapevine-0", "grapevine-1"} {
		c.gateways[pod] = httptest.NewServer(c.admin(pod))
		w.t.Cleanup(c.gateways[pod].Close)
	}
	w.t.Cleanup(func() { c.stopPod() })
	return c
}

func (c *cluster) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *cluster) unreachable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead || c.silent
}

// change does something to the cluster, and breaks all lines to it where they can't go on.
func (c *cluster) change(do func(*cluster)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do(c)
	if c.dead || c.silent {
		close(c.broken)
		c.broken = make(chan struct{})
	}
}

// tell makes every gateway of the cluster tell of an event, which it noticed a moment after now.
func (c *cluster) tell(kind, gateway, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now().Add(c.ahead + 700*time.Millisecond).Format(time.RFC3339Nano)
	c.events = append(c.events, fmt.Sprintf(`{"time":%q,"type":%q,"gateway":%q,"service":"frontend.shop","state":%q}`, at, kind, gateway, state))
}

// admin is a gateway's admin API.
func (c *cluster) admin(pod string) http.Handler {
	mux := http.NewServeMux()
	answer := func(path string, of func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(of()) })
	}
	answer("/v1/status", func() any {
		c.mu.Lock()
		defer c.mu.Unlock()
		return map[string]any{"gateway": c.name + "/" + pod, "version": "v0.9", "now": time.Now().Add(c.ahead)}
	})
	answer("/v1/members", func() any {
		var members []map[string]string
		for _, other := range c.world.clusters {
			for gateway := range other.gateways {
				state := "alive"
				if other.isDead() || c.missing == other.name+"/"+gateway {
					state = "dead"
				}
				members = append(members, map[string]string{"gateway": other.name + "/" + gateway, "state": state})
			}
		}
		return members
	})
	answer("/v1/services", func() any {
		var clusters []map[string]any
		for _, other := range c.world.clusters {
			clusters = append(clusters, map[string]any{"cluster": other.name, "eligible": other.exported && !other.isDead()})
		}
		return []map[string]any{{"namespace": "shop", "name": "frontend", "vip": "10.96.0.7", "clusters": clusters}}
	})
	answer("/v1/links", func() any { return []any{} })
	mux.HandleFunc("/v1/events", c.serveEvents)
	return mux
}

func (c *cluster) serveEvents(w http.ResponseWriter, r *http.Request) {
	for sent := 0; r.Context().Err() == nil; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		news := c.events[sent:]
		c.mu.Unlock()
		for _, event := range news {
			fmt.Fprintf(w, "data: %s\n\n", event)
		}
		sent += len(news)
		if r.FormValue("follow") == "false" {
			return
		}
		http.NewResponseController(w).Flush()
	}
}

// forward plays `kubectl port-forward` until the line breaks or whoever asked has gone.
func (c *cluster) forward(r *http.Request, args []string, say func(reply)) {
	_, pod, _ := strings.Cut(args[len(args)-2], "/")
	c.mu.Lock()
	server, broken := c.gateways[pod], c.broken
	if pod == proberName {
		server = c.podHTTP
	}
	c.mu.Unlock()
	if server == nil {
		say(failed(fmt.Sprintf("Error from server (NotFound): pods %q not found", pod)))
		return
	}
	say(reply{Out: "Forwarding from " + strings.TrimPrefix(server.URL, "http://") + " -> 7980\n"})
	select {
	case <-broken:
		server.CloseClientConnections()
	case <-r.Context().Done():
	}
}

// kubectl plays what is left of a command line behind the context.
func (c *cluster) kubectl(command command, line string) reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case strings.HasPrefix(line, "version"):
		return answered(`{"serverVersion":{"gitVersion":"v1.36.3"}}`)
	case strings.HasPrefix(line, "get nodes"):
		node := `{"status":{"nodeInfo":{"kubeletVersion":"v1.36.3","osImage":"Debian 12","containerRuntimeVersion":"containerd://1.6.20"}}}`
		return answered(`{"items":[` + node + "," + node + `]}`)
	case strings.Contains(line, "get -n grapevine statefulset"):
		return answered(statefulSetJSON)
	case strings.Contains(line, "get -n grapevine pods"):
		return answered(fmt.Sprintf(`{"items":[{"metadata":{"name":"grapevine-0","uid":"a"}},
			{"metadata":{"name":"grapevine-1","uid":"b"},"status":{"containerStatuses":[{"restartCount":%d}]}}]}`, c.restarts))
	case strings.Contains(line, "get services,endpointslices"):
		return answered(fmt.Sprintf(`{"items":[{"kind":"Service","metadata":{"namespace":"grapevine","name":"frontend","uid":"s","resourceVersion":"%d"}}]}`, c.writes))
	case strings.Contains(line, "get -n shop deployments"):
		return answered(`{"items":[{"metadata":{"name":"frontend"},"spec":{"replicas":3}},{"metadata":{"name":"unused"},"spec":{"replicas":0}}]}`)
	case strings.Contains(line, "get pod "+proberName):
		if c.pod != nil {
			return answered("Running,")
		}
		return answered("")
	case strings.HasPrefix(line, "apply"):
		c.startPod(command.Stdin)
	case strings.Contains(line, "delete pod "+proberName):
		c.endPod()
	}
	return answered("")
}

const statefulSetJSON = `{"metadata":{"generation":1},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"grapevine","part":"gateway"}},
	"template":{"spec":{"imagePullSecrets":[{"name":"pull"}],"securityContext":{"runAsUser":65531},
		"containers":[{"name":"sidecar","image":"other"},{"name":"grapevine","image":"registry/grapevine:1","imagePullPolicy":"Never","command":["/bin/grapevine","--x"]}]}}},
	"status":{"observedGeneration":1,"readyReplicas":2,"updatedReplicas":2,"currentRevision":"r1","updateRevision":"r1"}}`

// startPod starts the prober as its manifest says, once.
func (c *cluster) startPod(manifest string) {
	c.manifest = manifest
	if c.pod != nil {
		return
	}
	cfg := PodConfig{Name: "frontend.shop.federated.", Port: c.world.port, Rate: 20, DNS: netip.MustParseAddrPort(c.world.names)}
	pod, err := NewPod(cfg)
	if err != nil {
		c.world.t.Error(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		pod.prober.Run(ctx)
	}()
	handler := pod.handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	c.pod, c.podHTTP = pod, server
	c.stopPod = func() {
		stop()
		<-done
		server.CloseClientConnections()
		server.Close()
	}
}

func (c *cluster) endPod() {
	stop := c.stopPod
	c.pod, c.podHTTP, c.stopPod = nil, nil, func() {}
	go stop()
}

// serveNames answers every question with 127.0.0.1 (RFC 1035 §4.1).
func serveNames(t *testing.T) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	go func() {
		query := make([]byte, 1500)
		for {
			_, from, err := socket.ReadFrom(query)
			if err != nil {
				return
			}
			end := 12
			for query[end] != 0 {
				end += int(query[end]) + 1
			}
			answer := slices.Clone(query[:end+5])
			copy(answer[2:12], []byte{0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0})
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1)
			socket.WriteTo(answer, from)
		}
	}()
	return socket.LocalAddr().String()
}
