package contexts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Everything that is asked through a line gets an answer within this time, where the line is up.
const reachWithin = 5 * time.Second

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
