package contexts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
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
