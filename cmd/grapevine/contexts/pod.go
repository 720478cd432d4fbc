package contexts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Pod is the prober as it runs in a Pod of its own: it asks the service as any client in the cluster does, and is told over
// HTTP when.
type Pod struct {
	instance string
	client   *chaos.Client
	prober   *chaos.Prober
	record   *record
}

// PodConfig says what a Pod asks.
type PodConfig struct {
	Name string // of the service, absolute: "frontend.shop.federated."
	Port uint16
	Rate int // requests per second
	DNS  netip.AddrPort
}

// NewPod returns a Pod's prober. It is paused.
func NewPod(cfg PodConfig) (*Pod, error) {
	p := &Pod{instance: rand.Text(), record: new(record), client: &chaos.Client{Service: cfg.Name, Port: cfg.Port, DNS: cfg.DNS}}
	var err error
	p.prober, err = chaos.NewProber(chaos.ProberConfig{Rate: cfg.Rate, Ask: p.ask, Report: p.record.add})
	if err != nil {
		return nil, err
	}
	p.prober.Pause()
	return p, nil
}

// Run serves on a listener, and asks when it was told to, until ctx ends.
func (p *Pod) Run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	p.prober.Run(ctx)
	server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ask makes one request. The answer's first word is the cluster; what else it says is the service's own business.
func (p *Pod) ask(ctx context.Context) (string, chaos.Steps, error) {
	answer, steps, err := p.client.Ask(ctx)
	if err != nil {
		return "", steps, err
	}
	words := strings.Fields(answer)
	if len(words) == 0 {
		return "", steps, errors.New("answer: empty; its first word should be the name of the cluster")
	}
	return words[0], steps, nil
}

func (p *Pod) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", p.serveState)
	mux.HandleFunc("POST /pause", func(w http.ResponseWriter, r *http.Request) { p.prober.Pause(); p.serveState(w, r) })
	mux.HandleFunc("POST /resume", func(w http.ResponseWriter, r *http.Request) { p.prober.Resume(); p.serveState(w, r) })
	mux.HandleFunc("GET /resolve", p.serveResolve)
	mux.HandleFunc("GET /samples", p.serveSamples)
	return mux
}

func (p *Pod) serveState(w http.ResponseWriter, _ *http.Request) {
	idle := p.prober.Idle() // before the number: what ended since is counted
	json.NewEncoder(w).Encode(podState{Instance: p.instance, Now: time.Now(), Last: p.record.lastNumber(), Idle: idle, DNS: p.client.DNS.String()})
}

func (p *Pod) serveResolve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	address, err := p.client.Resolve(ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, address)
}

// Samples are handed out some at a time, because each piece costs a turn through kubectl and two servers. A reader hears
// something every beat, so that it knows the line.
const (
	handOut = 100 * time.Millisecond
	beat    = time.Second
)

func (p *Pod) serveSamples(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	if err != nil {
		http.Error(w, "after: want a number, such as ?after=17", http.StatusBadRequest)
		return
	}
	if r.FormValue("instance") != p.instance {
		http.Error(w, "this is another instance: its samples begin anew", http.StatusConflict)
		return
	}
	stream, lines := http.NewResponseController(w), json.NewEncoder(w)
	for silent := beat; ; silent += handOut {
		news := p.record.after(after)
		if len(news) == 0 && silent >= beat {
			news = []podSample{{N: after}}
		}
		for _, sample := range news {
			lines.Encode(sample) // a reader that has gone is noticed by Flush
			after, silent = sample.N, 0
		}
		if stream.Flush() != nil {
			return
		}
		select {
		case <-time.After(handOut):
		case <-r.Context().Done():
			return
		}
	}
}

// nameServer returns the first name server of a resolv.conf(5), which is the one that a program without any cleverness asks.
func nameServer(path string) (netip.AddrPort, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		address, err := netip.ParseAddr(fields[1])
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("%s: %w", path, err)
		}
		return netip.AddrPortFrom(address, 53), nil
	}
	return netip.AddrPort{}, fmt.Errorf("%s names no name server", path)
}
