package contexts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// forward keeps a `kubectl port-forward` to one Pod up, for HTTP requests to what listens on the Pod's loopback. Where it
// breaks off, because the Pod or the API server went away, it is begun anew, and again.
type forward struct {
	kubectl   kubectl
	namespace string
	pod       string
	port      int
	http      *http.Client // its requests go to the Pod, whatever address they name

	mu      sync.Mutex
	address string        // here; empty: it isn't up
	changed chan struct{} // closed when address changes
	begun   time.Time     // of the present attempt
	stop    func()        // ends it
	last    error         // why the one before ended
}

func newForward(k kubectl, namespace, pod string, port int) *forward {
	f := &forward{kubectl: k, namespace: namespace, pod: pod, port: port, changed: make(chan struct{}), stop: func() {}}
	f.http = &http.Client{Transport: &http.Transport{DialContext: f.dial}}
	return f
}

// Everything that is asked through a line gets an answer within this time, where the line is up.
const reachWithin = 5 * time.Second

// again is the pause between two attempts: each costs a process.
const again = 500 * time.Millisecond

// run keeps the forward up until ctx ends.
func (f *forward) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.once(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

func (f *forward) once(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f.mu.Lock()
	f.begun, f.stop = time.Now(), stop
	f.mu.Unlock()
	cmd := f.kubectl.command(ctx, "-n", f.namespace, "port-forward", "--address", "127.0.0.1", "pod/"+f.pod, fmt.Sprintf(":%d", f.port))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		f.set("", err)
		return
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address := forwarded(lines.Text()); address != "" {
			f.set(address, nil)
		}
	}
	err = cmd.Wait()
	f.set("", f.kubectl.failure(context.WithoutCancel(ctx), err, said.String(), cmd.Args[3:]))
}

// forwarded reads "Forwarding from 127.0.0.1:40123 -> 7980".
func forwarded(line string) string {
	rest, found := strings.CutPrefix(line, "Forwarding from ")
	if !found {
		return ""
	}
	address, _, _ := strings.Cut(rest, " ")
	return address
}

func (f *forward) set(address string, err error) {
	f.http.CloseIdleConnections() // they led through the one before
	f.mu.Lock()
	defer f.mu.Unlock()
	f.address, f.last = address, err
	close(f.changed)
	f.changed = make(chan struct{})
}

// renewAfter is the age from which a forward may be given up: a younger one may still be about to come up.
const renewAfter = 4 * time.Second

// renew ends the present forward, which may hang with a machine that is gone, and begins another one.
func (f *forward) renew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.begun) > renewAfter {
		f.stop()
	}
}

func (f *forward) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	address, err := f.await(ctx)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// open sends a request to the Pod and returns the body of a good answer. The caller closes it.
func (f *forward) open(ctx context.Context, method, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d%s", f.port, path), nil)
	if err != nil {
		return nil, err
	}
	response, err := f.http.Do(request)
	if err != nil {
		return nil, err
	}
	switch response.StatusCode {
	case http.StatusOK:
		return response.Body, nil
	case http.StatusConflict:
		response.Body.Close()
		return nil, errOtherInstance
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // the status says enough where this doesn't
	return nil, fmt.Errorf("%s answered %s: %s", f.pod, response.Status, strings.TrimSpace(string(text)))
}

// exchange sends a request and decodes the answer, unless value is nil.
func (f *forward) exchange(ctx context.Context, method, path string, value any) error {
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	body, err := f.open(ctx, method, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if value != nil {
		err = json.NewDecoder(body).Decode(value)
	}
	io.Copy(io.Discard, body) // so that the connection is used again
	return err
}

// exchanges is how often a clock is asked for the time: the first answers pay for connections.
const exchanges = 12

// clock compares the clock behind the line with ours. The answer to path has it under "now".
func (f *forward) clock(ctx context.Context, path string) (chaos.Clock, error) {
	var asked []chaos.Exchange
	for range exchanges {
		var answer struct {
			Now time.Time `json:"now"`
		}
		sent := time.Now()
		if err := f.exchange(ctx, http.MethodGet, path, &answer); err != nil {
			return chaos.Clock{}, err
		}
		if answer.Now.IsZero() {
			return chaos.Clock{}, fmt.Errorf("%s doesn't tell the time: its version of grapevine is too old", f.pod)
		}
		asked = append(asked, chaos.Exchange{Sent: sent, Said: answer.Now, Received: time.Now()})
	}
	return chaos.Align(asked), nil
}

// await returns where the Pod can be reached, as soon as it can be.
func (f *forward) await(ctx context.Context) (string, error) {
	for {
		f.mu.Lock()
		address, changed, last := f.address, f.changed, f.last
		f.mu.Unlock()
		if address != "" {
			return address, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", errors.Join(fmt.Errorf("no way to Pod %s of context %s", f.pod, f.kubectl.context), last)
		}
	}
}
