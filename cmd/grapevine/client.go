package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

// adminFlag is --admin: where the gateway that is asked listens.
type adminFlag string

func (a *adminFlag) register(cmd *cobra.Command) {
	*a = "127.0.0.1:7980"
	cmd.Flags().Var(a, "admin", "admin address of the gateway to ask")
}

// String, Set and Type make the flag check its value while the command line is parsed.
func (a *adminFlag) String() string { return string(*a) }

// Set accepts an address with a port.
func (a *adminFlag) Set(value string) error {
	if _, err := netip.ParseAddrPort(value); err != nil {
		return errors.New("want an address with a port, such as --admin 127.0.0.1:7980")
	}
	*a = adminFlag(value)
	return nil
}

// Type names the flag's value in the help.
func (a *adminFlag) Type() string { return "address" }

// get asks the gateway for path and decodes the answer into value.
func (a *adminFlag) get(ctx context.Context, path string, query url.Values, value any) error {
	return a.call(ctx, http.MethodGet, path, query, value)
}

func (a *adminFlag) call(ctx context.Context, method, path string, query url.Values, value any) error {
	answer, err := a.open(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer answer.Close()
	if err := json.NewDecoder(answer).Decode(value); err != nil {
		return fmt.Errorf("the answer of %s to %s: %w", *a, path, err)
	}
	return nil
}

// open sends a request and returns the body of a good answer. The caller closes it.
func (a *adminFlag) open(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	target := url.URL{Scheme: "http", Host: string(*a), Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no gateway answers at %s (is it running? --admin says where): %w", *a, errors.Unwrap(err))
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var failure daemon.Failure
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&failure); err != nil || failure.Error == "" {
		return nil, fmt.Errorf("%s answered %s to %s", *a, answer.Status, path)
	}
	if answer.StatusCode == http.StatusBadRequest {
		return nil, usageError{errors.New(failure.Error)}
	}
	return nil, errors.New(failure.Error)
}
