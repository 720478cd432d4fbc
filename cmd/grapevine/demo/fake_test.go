package demo

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// TestMain lets the test binary play every part of a demo: the demo itself, its sample service, and a gateway, which is the
// stand-in below. So these tests are about the demo alone.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(runTests(m))
	}
	switch os.Args[1] {
	case "run":
		newFakeGateway(os.Args[3]).run()
	case "demo":
		root := rootCommand()
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as main does
		defer stop()
		if err := root.ExecuteContext(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "grapevine:", err)
			code := 1
			if coded, ok := err.(interface{ ExitCode() int }); ok {
				code = coded.ExitCode()
			}
			os.Exit(code)
		}
	default:
		os.Exit(runTests(m))
	}
}

// rootCommand stands in for the one of package main.
func rootCommand() *cobra.Command {
	root := &cobra.Command{Use: "grapevine", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Command())
	return root
}

// runTests runs more tests side by side than there are CPUs, for most of the time they wait.
func runTests(m *testing.M) int {
	flag.Parse()
	flag.Set("test.parallel", "4")
	return m.Run()
}

// What FAKE in the environment makes a fake gateway do wrong.
const (
	fakeEnv   = "FAKE"
	fakeExits = "exits" // it ends at once
	fakeDies  = "dies"  // north/n-1 ends after 2 s
)

// fakeConfig is what the fake reads of a gateway's file.
type fakeConfig struct {
	Cluster, Gateway, VIPs, Admin string
	Data                          string
	DNS                           struct{ Listen string }
	Services                      []struct {
		Ports     []struct{ Port uint16 }
		Endpoints []string
	}
}

func (c *fakeConfig) id() string { return c.Cluster + "/" + c.Gateway }

func (c *fakeConfig) pidFile() string { return c.Data + ".pid" }

func readFakeConfig(path string) fakeConfig {
	var c fakeConfig
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		log.Fatal(err)
	}
	return c
}

// fakeGateway does what a gateway does, without any mesh: it finds the others by their files, takes those for alive whose
// process runs, and passes connections on to the services of the clusters in turn.
type fakeGateway struct {
	fakeConfig
	peers []fakeConfig

	mu     sync.Mutex
	alive  map[string]bool
	sent   map[string]time.Time
	events []string
	turn   int
}

func newFakeGateway(path string) *fakeGateway {
	g := &fakeGateway{fakeConfig: readFakeConfig(path), alive: make(map[string]bool), sent: make(map[string]time.Time)}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "..", "..", "*", "*", "gateway.yaml"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		g.peers = append(g.peers, readFakeConfig(file))
	}
	return g
}

func (g *fakeGateway) wrong(what string) bool { return os.Getenv(fakeEnv) == what }

func (g *fakeGateway) run() {
	if g.wrong(fakeExits) {
		log.Fatal("the fake gateway was told to fail")
	}
	go g.serveNames()
	for _, peer := range g.peers {
		go g.watch(peer)
	}
	if g.wrong(fakeDies) && g.id() == "north/n-1" {
		time.AfterFunc(2*time.Second, func() { log.Fatal("the fake gateway was told to die") })
	}
	go g.serveVIP()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		os.Exit(0)
	}()
	if err := os.WriteFile(g.pidFile(), fmt.Append(nil, os.Getpid()), 0o600); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/status", g.answer(func() any { return map[string]string{"version": "fake"} }))
	mux.HandleFunc("/v1/members", g.answer(g.members))
	mux.HandleFunc("/v1/links", g.answer(g.links))
	mux.HandleFunc("/v1/services", g.answer(g.services))
	mux.HandleFunc("/v1/events", g.serveEvents)
	log.Fatal(http.ListenAndServe(g.Admin, mux))
}

func (g *fakeGateway) vip() netip.Addr {
	return netip.MustParsePrefix(g.VIPs).Addr().Next()
}

// serveNames answers every question with the VIP (RFC 1035 §4.1).
func (g *fakeGateway) serveNames() {
	socket, err := net.ListenPacket("udp", g.DNS.Listen)
	if err != nil {
		log.Fatal(err)
	}
	query := make([]byte, 1500)
	for {
		_, from, err := socket.ReadFrom(query)
		if err != nil {
			log.Fatal(err)
		}
		end := 12
		for query[end] != 0 {
			end += int(query[end]) + 1
		}
		answer := slices.Clone(query[:end+5])
		copy(answer[2:12], []byte{0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0})
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4)
		socket.WriteTo(append(answer, g.vip().AsSlice()...), from)
	}
}

// watch notices whether a peer's process comes, goes or is stopped, and tells it as events. It looks at the process itself, so
// that no busy machine makes it see what isn't.
func (g *fakeGateway) watch(peer fakeConfig) {
	for ; ; time.Sleep(20 * time.Millisecond) {
		pid, err := os.ReadFile(peer.pidFile())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
		g.found(peer.id(), err == nil && !strings.Contains(string(stat), ") T ") && !strings.Contains(string(stat), ") Z "))
	}
}

func (g *fakeGateway) found(peer string, alive bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.alive[peer] == alive {
		return
	}
	g.alive[peer] = alive
	for _, event := range map[bool][][2]string{true: {{"link", "up"}, {"member", "alive"}}, false: {{"link", "suspect"}, {"link", "down"}, {"member", "dead"}}}[alive] {
		g.events = append(g.events, fmt.Sprintf(`{"id":%d,"time":%q,"type":%q,"gateway":%q,"state":%q}`, len(g.events)+1, time.Now().Format(time.RFC3339Nano), event[0], peer, event[1]))
	}
}

func (g *fakeGateway) answer(of func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		json.NewEncoder(w).Encode(of())
	}
}

func (g *fakeGateway) members() any {
	var members []map[string]string
	for _, peer := range g.peers {
		members = append(members, map[string]string{"gateway": peer.id(), "state": map[bool]string{true: "alive", false: "dead"}[g.alive[peer.id()]]})
	}
	return members
}

func (g *fakeGateway) links() any {
	var links []map[string]any
	for _, peer := range g.peers {
		links = append(links, map[string]any{"gateway": peer.id(), "state": "up", "last_opened": g.sent[peer.id()]})
	}
	return links
}

func (g *fakeGateway) services() any {
	var clusters []map[string]any
	for _, peer := range g.peers {
		clusters = append(clusters, map[string]any{"cluster": peer.Cluster, "eligible": g.alive[peer.id()]})
	}
	return []map[string]any{{"namespace": serviceSpace, "name": serviceName, "vip": g.vip(), "clusters": clusters}}
}

func (g *fakeGateway) serveEvents(w http.ResponseWriter, r *http.Request) {
	for sent := 0; r.Context().Err() == nil; time.Sleep(10 * time.Millisecond) {
		g.mu.Lock()
		news := g.events[sent:]
		g.mu.Unlock()
		for _, event := range news {
			fmt.Fprintf(w, "data: %s\n\n", event)
		}
		sent += len(news)
		http.NewResponseController(w).Flush()
	}
}

// serveVIP passes each connection on to the next peer whose service takes it.
func (g *fakeGateway) serveVIP() {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(g.vip(), g.Services[0].Ports[0].Port).String())
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go g.pass(conn.(*net.TCPConn))
	}
}

func (g *fakeGateway) pass(caller *net.TCPConn) {
	defer caller.Close()
	for range g.peers {
		g.mu.Lock()
		g.turn++
		peer := g.peers[g.turn%len(g.peers)]
		alive := g.alive[peer.id()]
		g.mu.Unlock()
		service, err := net.DialTimeout("tcp", peer.Services[0].Endpoints[0], 50*time.Millisecond)
		if !alive || err != nil {
			continue
		}
		g.mu.Lock()
		g.sent[peer.id()] = time.Now()
		g.mu.Unlock()
		go io.Copy(service, caller)
		n, _ := io.Copy(caller, service)
		service.Close()
		if n == 0 && !strings.HasPrefix(peer.id(), g.Cluster) {
			caller.SetLinger(0)
		}
		return
	}
}
