package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// adminHandler serves the admin API: what this gateway sees, and drain. It listens on loopback unless configured
// otherwise, and refuses what a page in a browser could send it from elsewhere.
func (d *Daemon) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.Status()) })
	mux.HandleFunc("GET /v1/members", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.Members()) })
	mux.HandleFunc("GET /v1/services", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.Services()) })
	mux.HandleFunc("GET /v1/links", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.Links()) })
	mux.HandleFunc("GET /v1/events", d.serveEvents)
	mux.HandleFunc("GET /v1/resolve", d.serveResolve)
	mux.HandleFunc("GET /v1/ping", d.servePing)
	mux.HandleFunc("POST /v1/drain", func(w http.ResponseWriter, _ *http.Request) { d.SetDraining(true); reply(w, d.Status()) })
	mux.HandleFunc("POST /v1/undrain", func(w http.ResponseWriter, _ *http.Request) { d.SetDraining(false); reply(w, d.Status()) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Grapevine gateway %s\n\n/v1/status /v1/members /v1/services /v1/links /v1/events /v1/resolve?name=NAME /v1/ping?gateway=CLUSTER/NAME\n", d.settings.self)
	})
	return refuseBrowsers(mux)
}

// refuseBrowsers turns away requests that a foreign page makes a browser send (DNS rebinding, cross-site posts): their
// Host is a name, or they carry a foreign Origin. The command line and scripts send neither.
func refuseBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
			fail(w, http.StatusForbidden, fmt.Errorf("host %q: reach the admin API by its address, or as localhost", r.Host))
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
			fail(w, http.StatusForbidden, errors.New("requests from other pages are refused"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(value) // the reader may have gone: nothing is left to do then
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(Failure{Error: err.Error()})
}

// serveEvents streams the events as server-sent events, from the one after ?since= on (0: all that are kept; absent: only
// new ones). With ?follow=false it ends after those that have happened.
func (d *Daemon) serveEvents(w http.ResponseWriter, r *http.Request) {
	var since uint64
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = strconv.ParseUint(text, 10, 64); err != nil {
			fail(w, http.StatusBadRequest, fmt.Errorf("since: %q is no event's id; a valid example is ?since=17", text))
			return
		}
	} else if kept, _ := d.events.Since(0); len(kept) > 0 {
		since = kept[len(kept)-1].ID
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	for {
		news, more := d.events.Since(since)
		for _, event := range news {
			encoded, err := json.Marshal(event)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", event.ID, encoded); err != nil {
				return
			}
			since = event.ID
		}
		if stream.Flush() != nil {
			return
		}
		if r.URL.Query().Get("follow") == "false" {
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-d.stopping:
			return
		}
	}
}

func (d *Daemon) serveResolve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	answer, err := d.Resolve(query.Get("name"), query.Get("type"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	reply(w, answer)
}

func (d *Daemon) servePing(w http.ResponseWriter, r *http.Request) {
	target, err := registry.ParseGateway(r.URL.Query().Get("gateway"))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	rtt, err := d.endpoint.Ping(ctx, target)
	if err != nil {
		fail(w, http.StatusBadGateway, fmt.Errorf("ping %s: %w", target, err))
		return
	}
	reply(w, Pong{Gateway: target, RTTms: milliseconds(rtt), Path: "quic"})
}

// pingTimeout is twice the longest round trip on Earth through a satellite, and short enough to wait for at a terminal.
const pingTimeout = 3 * time.Second
