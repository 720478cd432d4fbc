package contexts

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for kubectl and for a driver: it hands its command line to the world that the test
// made up, and does what that says.
func TestMain(m *testing.M) {
	if address := os.Getenv(worldEnv); address != "" {
		os.Exit(standIn(address))
	}
	flag.Parse()
	flag.Set("test.parallel", "4") // most of the time they wait
	os.Exit(m.Run())
}

const worldEnv = "GRAPEVINE_TEST_WORLD"

// command is one command line, as the stand-in passes it on.
type command struct {
	Args  []string
	Stdin string
	Pods  string // GRAPEVINE_PODS
}

// reply is one piece of what a command says and does.
type reply struct {
	Out, Err string
	Exit     *int
}

func standIn(address string) int {
	c := command{Args: os.Args[1:], Pods: os.Getenv("GRAPEVINE_PODS")}
	if slices.Contains(c.Args, "-f") {
		stdin, _ := io.ReadAll(os.Stdin)
		c.Stdin = string(stdin)
	}
	body, _ := json.Marshal(c)
	response, err := http.Post(address, "application/json", strings.NewReader(string(body)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer response.Body.Close()
	for replies := json.NewDecoder(response.Body); ; {
		var r reply
		if replies.Decode(&r) != nil {
			fmt.Fprintln(os.Stderr, "error: lost connection to pod")
			return 1
		}
		fmt.Print(r.Out)
		fmt.Fprint(os.Stderr, r.Err)
		if r.Exit != nil {
			return *r.Exit
		}
	}
}

// world is a mesh of clusters that is made up, with real HTTP servers in the place of Pods.
type world struct {
	t        *testing.T
	server   *httptest.Server
	program  string // which is kubectl, and the driver
	names    string // address of the name server
	port     uint16 // of the service, in each cluster
	mu       sync.Mutex
	clusters []*cluster
	commands []string
	turn     int                                         // of the cluster that answers
	drive    func(args []string, say func(string)) error // plays the driver
	offers   string
	answers  map[string]string // what kubectl prints for a command line that contains the key, instead of the usual
}

// program writes a script and returns its path. Linux refuses to execute a file that anybody has open for writing, and a process that
// another test starts meanwhile would have it open until it has become the other program.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// newWorld makes a whole mesh of these clusters.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, answers: make(map[string]string), drive: func([]string, func(string)) error { return nil }}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	w.program = program(t, fmt.Sprintf("#!/bin/sh\n%s=%s exec %q \"$@\"\n", worldEnv, w.server.URL, os.Args[0]))
	w.names = serveNames(t)
	for _, name := range names {
		w.clusters = append(w.clusters, newCluster(w, name))
	}
	web := httptest.NewServer(http.HandlerFunc(w.serveWeb))
	t.Cleanup(web.Close)
	w.port = web.Listener.Addr().(*net.TCPAddr).AddrPort().Port()
	return w
}

// serveWeb is the service: the clusters that have power answer in turn.
func (w *world) serveWeb(writer http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		w.turn++
		if c := w.clusters[w.turn%len(w.clusters)]; !c.isDead() {
			fmt.Fprintf(writer, "%s frontend-0 10.0.0.1\n", c.name)
			return
		}
	}
}

// config is how an experiment is told of the world.
func (w *world) config() Config {
	cfg := Config{Namespace: "grapevine", Service: "frontend", Space: "shop", Port: w.port, Rate: 20, Kubectl: w.program}
	for _, c := range w.clusters {
		cfg.Contexts = append(cfg.Contexts, c.context)
	}
	if w.offers != "" {
		cfg.Driver = w.program
	}
	return cfg
}

// ready makes what the test has said of the world known to those who play it: they come through another process, which the
// race detector can't see.
func (w *world) ready() {
	w.mu.Lock()
	defer w.mu.Unlock()
}

func (w *world) cluster(context string) *cluster {
	for _, c := range w.clusters {
		if c.context == context || c.name == context {
			return c
		}
	}
	return nil
}

// said returns the commands so far that contain text.
func (w *world) said(text string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, line := range w.commands {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// serve plays one command.
func (w *world) serve(writer http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		w.t.Error(err)
		return
	}
	replies, flush := json.NewEncoder(writer), http.NewResponseController(writer)
	say := func(r reply) {
		replies.Encode(r)
		flush.Flush()
	}
	line := strings.Join(c.Args, " ")
	w.mu.Lock()
	w.commands = append(w.commands, strings.TrimSpace(line+" "+c.Pods))
	w.mu.Unlock()
	if c.Args[0] != "--context" {
		w.playDriver(c, say)
		return
	}
	at := w.cluster(c.Args[1])
	if at == nil {
		say(failed(fmt.Sprintf("error: context %q does not exist", c.Args[1])))
		return
	}
	if at.unreachable() {
		say(failed("Unable to connect to the server: connection refused"))
		return
	}
	for key, answer := range w.answers {
		if strings.Contains(line, key) {
			say(answered(answer))
			return
		}
	}
	if slices.Contains(c.Args, "port-forward") {
		at.forward(r, c.Args, say)
		return
	}
	say(at.kubectl(c, strings.Join(c.Args[2:], " ")))
}

func answered(text string) reply {
	if message, isError := strings.CutPrefix(text, "error:"); isError {
		return failed("error:" + message)
	}
	return reply{Out: text, Exit: new(0)}
}

func failed(message string) reply { return reply{Err: message + "\n", Exit: new(1)} }

func (w *world) playDriver(c command, say func(reply)) {
	if c.Args[0] == "faults" {
		say(answered(w.offers + "\n"))
		return
	}
	if err := w.drive(c.Args, func(line string) { say(reply{Out: line + "\n"}) }); err != nil {
		say(failed(err.Error()))
		return
	}
	say(reply{Exit: new(0)})
}
