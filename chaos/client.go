package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Client asks one service of one gateway the way a program without any cleverness does: it resolves the name, opens a
// connection to the address, sends a request, and remembers nothing of it. So each request shows what a newly
// started program would meet.
type Client struct {
	Service string         // absolute, with the dot at the end: "web.shop.federated."
	Port    uint16         // of the service
	DNS     netip.AddrPort // the name server
	readers sync.Pool      // of *bufio.Reader
}

// maxAnswer bounds the answer that is read: the name of a cluster.
const maxAnswer = 256

// Ask is an [Ask]. The cluster that served is the body of the answer, without white space around it.
func (c *Client) Ask(ctx context.Context) (cluster string, steps Steps, err error) {
	begun := time.Now()
	address, err := c.Resolve(ctx)
	if err != nil {
		return "", steps, err
	}
	steps.Resolve = time.Since(begun)
	dialer := net.Dialer{KeepAlive: -1} // four system calls that a connection this short has no use for
	conn, err := dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, netip.AddrPortFrom(address, c.Port))
	if err != nil {
		return "", steps, fmt.Errorf("connect: %w", err)
	}
	steps.Connect = time.Since(begun) - steps.Resolve
	defer conn.Close()
	if deadline, limited := ctx.Deadline(); limited {
		conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+strings.TrimSuffix(c.Service, ".")+"\r\nConnection: close\r\n\r\n"); err != nil {
		return "", steps, fmt.Errorf("send: %w", err)
	}
	cluster, err = c.answer(conn)
	return cluster, steps, err
}

// Resolve returns the service's address. Each call asks anew, with a resolver of its own: a shared one answers concurrent
// calls for one name from a single query, and a lost packet would then stall them all.
func (c *Client) Resolve(ctx context.Context) (netip.Addr, error) {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, c.DNS.String())
	}}
	addresses, err := resolver.LookupNetIP(ctx, "ip4", c.Service)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("resolve: %w", err)
	}
	return addresses[0].Unmap(), nil
}

// answer reads the response without the connection pool of http.Client, whose goroutines cost more than the request.
func (c *Client) answer(conn net.Conn) (string, error) {
	reader, pooled := c.readers.Get().(*bufio.Reader)
	if !pooled {
		reader = bufio.NewReaderSize(nil, 1<<10)
	}
	reader.Reset(conn)
	defer c.readers.Put(reader)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answer: %s", response.Status)
	}
	return strings.TrimSpace(string(body)), nil
}
