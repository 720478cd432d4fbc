package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// DialFunc opens a connection to an endpoint.
type DialFunc func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

// maxResponse bounds what is read of the response to an HTTP check: status and headers count, the body doesn't.
const maxResponse = 64 << 10

// probe asks an endpoint once whether it is ready. It takes no longer than the check's timeout.
func (c check) probe(ctx context.Context, dial DialFunc, addr netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.path == "" {
		return nil
	}
	// The end of ctx, by its deadline or because we stop, ends reads and writes.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	return get(conn, addr, c.path)
}

// get sends one request on a connection of its own. It is written by hand because http.Transport keeps goroutines that
// can't be waited for.
func get(conn net.Conn, addr netip.AddrPort, path string) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+addr.String()+path, nil)
	if err != nil {
		return err
	}
	request.Close = true
	request.Header.Set("User-Agent", "grapevine-check")
	if err := request.Write(conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxResponse)), request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("GET %s: status %d", path, response.StatusCode)
	}
	return nil
}

// refused tells whether a probe failed in a way that leaves no doubt: nobody listens there.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
