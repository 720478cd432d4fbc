package file

import (
	"bufio"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// backend listens and lets answer say what a request gets; it may hang by not returning before the backend is stopped.
type backend struct {
	listener net.Listener
	stopped  chan struct{}
	stopping sync.Once
	serving  sync.WaitGroup

	mu     sync.Mutex
	answer func(stopped <-chan struct{}, conn net.Conn, request *http.Request)
}

func serve(t *testing.T, host *chaos.Host, addr string) *backend {
	listener, err := host.Listen(netip.MustParseAddrPort(addr))
	require.NoError(t, err)
	b := &backend{listener: listener, stopped: make(chan struct{}), answer: status(200)}
	t.Cleanup(b.stop)
	b.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.serving.Go(func() {
				defer conn.Close()
				request, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				b.mu.Lock()
				answer := b.answer
				b.mu.Unlock()
				answer(b.stopped, conn, request)
			})
		}
	})
	return b
}

func (b *backend) behave(answer func(<-chan struct{}, net.Conn, *http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *backend) stop() {
	b.stopping.Do(func() {
		close(b.stopped)
		_ = b.listener.Close()
		b.serving.Wait()
	})
}

// status answers the health check's path, and nothing else, with a code.
func status(code int) func(<-chan struct{}, net.Conn, *http.Request) {
	return func(_ <-chan struct{}, conn net.Conn, request *http.Request) {
		response := http.Response{StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}
		if request.URL.Path != "/healthz" {
			response.StatusCode = 404
		}
		_ = response.Write(conn)
	}
}

func hang(stopped <-chan struct{}, _ net.Conn, _ *http.Request) { <-stopped }

func nonsense(_ <-chan struct{}, conn net.Conn, _ *http.Request) {
	_, _ = conn.Write([]byte("hello\r\n"))
}

// babble sends headers for ever, and never a whole response.
func babble(_ <-chan struct{}, conn net.Conn, _ *http.Request) {
	_, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n"))
	for err == nil {
		_, err = conn.Write([]byte("x-more: and more of it\r\n"))
	}
}
