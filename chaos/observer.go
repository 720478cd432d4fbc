package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Observer is a gateway that is asked what it sees, through its admin API. The shapes below name only what an experiment
// needs of the answers.
type Observer struct {
	Gateway string // "east/e-0"
	Admin   netip.AddrPort
	Client  *http.Client // nil: the default one
	Clock   Clock        // the gateway's; what it tells is told in our time
}

// StatusView is what a gateway says of itself.
type StatusView struct {
	Gateway  string    `json:"gateway"`
	Version  string    `json:"version"`
	Draining bool      `json:"draining"`
	Now      time.Time `json:"now"` // by its clock
}

// MemberView is a gateway as an observer's ring sees it.
type MemberView struct {
	Gateway string `json:"gateway"`
	State   string `json:"state"` // alive, suspect, dead or left
}

// LinkView is the link to a gateway as an observer sees it.
type LinkView struct {
	Gateway    string    `json:"gateway"`
	State      string    `json:"state"`       // up, suspect or down
	LastOpened time.Time `json:"last_opened"` // when a connection was last sent that way; zero: never
}

// ServiceView is a service as an observer sees it.
type ServiceView struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	VIP       netip.Addr `json:"vip"`
	Clusters  []struct {
		Cluster  string `json:"cluster"`
		Eligible bool   `json:"eligible"`
	} `json:"clusters"`
}

// MeshEvent is something that an observer told of while it happened.
type MeshEvent struct {
	Observer string    `json:"observer"`
	Time     time.Time `json:"time"` // in our time
	Type     string    `json:"type"` // link, member, service or daemon
	Gateway  string    `json:"gateway,omitempty"`
	Service  string    `json:"service,omitempty"`
	State    string    `json:"state,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// Status returns what o says of itself.
func (o Observer) Status(ctx context.Context) (status StatusView, err error) {
	return status, o.get(ctx, "/v1/status", &status)
}

// Members returns the ring as o sees it.
func (o Observer) Members(ctx context.Context) (members []MemberView, err error) {
	return members, o.get(ctx, "/v1/members", &members)
}

// Links returns the links as o sees them.
func (o Observer) Links(ctx context.Context) (links []LinkView, err error) {
	err = o.get(ctx, "/v1/links", &links)
	for i := range links {
		links[i].LastOpened = o.Clock.Here(links[i].LastOpened)
	}
	return links, err
}

// Services returns the services as o sees them.
func (o Observer) Services(ctx context.Context) (services []ServiceView, err error) {
	return services, o.get(ctx, "/v1/services", &services)
}

// askTimeout bounds one question. A gateway that is merely busy answers in milliseconds.
const askTimeout = 2 * time.Second

func (o Observer) get(ctx context.Context, path string, value any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := o.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(value); err != nil {
		return fmt.Errorf("%s: the answer to %s: %w", o.Gateway, path, err)
	}
	return nil
}

func (o Observer) open(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.Admin.String()+path, nil)
	if err != nil {
		return nil, err
	}
	request.Close = true // a gateway that is killed leaves no stale connection behind
	client := o.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Gateway, err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s answered %s", o.Gateway, path, response.Status)
	}
	return response.Body, nil
}

// Events returns what happened at o so far, as far back as it remembers.
func (o Observer) Events(ctx context.Context) ([]MeshEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := o.open(ctx, "/v1/events?since=0&follow=false")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var events []MeshEvent
	o.read(body, time.Time{}, func(e MeshEvent) { events = append(events, e) })
	return events, nil
}

// Follow hands every event of the gateway to tell, until ctx ends. It connects again whenever the stream breaks off, and a
// gateway that was restarted numbers its events anew: so it always asks for all, and passes over what it has told.
func (o Observer) Follow(ctx context.Context, tell func(MeshEvent)) {
	var told time.Time
	for ctx.Err() == nil {
		if body, err := o.open(ctx, "/v1/events?since=0"); err == nil {
			told = o.read(body, told, tell)
			body.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// read reads server-sent events (HTML §9.2) until the stream ends, and returns the time of the last one.
func (o Observer) read(stream io.Reader, told time.Time, tell func(MeshEvent)) time.Time {
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data:")
		if !isData {
			continue
		}
		event := MeshEvent{}
		if json.Unmarshal([]byte(data), &event) != nil || !event.Time.After(told) {
			continue
		}
		told, event.Observer = event.Time, o.Gateway
		event.Time = o.Clock.Here(event.Time)
		tell(event)
	}
	return told
}
