package chaos

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nameServer answers every A query with one address over a real UDP socket, and counts the queries. A zero address answers
// that the name doesn't exist.
func nameServer(t *testing.T, address netip.Addr, queries *atomic.Int32) netip.AddrPort {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		buffer := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			queries.Add(1)
			socket.WriteTo(answerA(buffer[:n], address), from)
		}
	}()
	t.Cleanup(func() { socket.Close(); <-served })
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// answerA returns the answer to a query with one question (RFC 1035 §4.1).
func answerA(query []byte, address netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	answer := append([]byte{}, query[:end]...)
	answer[2], answer[3] = 0x84, 0 // an authoritative answer
	copy(answer[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if !address.IsValid() {
		answer[3] = 3 // NXDOMAIN
		return answer
	}
	answer[7] = 1
	answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4)
	return append(answer, address.AsSlice()...)
}

func TestClientAsksAnewEachTime(t *testing.T) {
	var queries, connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "web.shop.federated", r.Host)
		fmt.Fprintln(w, "west")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	backend := netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
	client := &Client{Service: "web.shop.federated.", Port: backend.Port(), DNS: nameServer(t, backend.Addr(), &queries)}
	for range 5 {
		begun := time.Now()
		served, steps, err := client.Ask(t.Context())
		require.NoError(t, err)
		require.Equal(t, "west", served)
		require.True(t, steps.Resolve > 0 && steps.Connect > 0 && steps.Resolve+steps.Connect < time.Since(begun), "%+v", steps)
	}
	require.EqualValues(t, 5, queries.Load())
	require.EqualValues(t, 5, connections.Load())
}

func TestClientTellsWhatFailed(t *testing.T) {
	var queries atomic.Int32
	loopback := netip.MustParseAddr("127.0.0.1")
	ask := func(port uint16, dns netip.AddrPort) error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, _, err := (&Client{Service: "web.shop.federated.", Port: port, DNS: dns}).Ask(ctx)
		return err
	}
	require.ErrorContains(t, ask(1, nameServer(t, netip.Addr{}, &queries)), "resolve: ")
	require.ErrorContains(t, ask(1, nameServer(t, loopback, &queries)), "connect: ")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	hang := ask(silent.Addr().(*net.TCPAddr).AddrPort().Port(), nameServer(t, loopback, &queries))
	require.ErrorContains(t, hang, "answer: ")
	require.ErrorContains(t, hang, "timeout")

	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	port := netip.MustParseAddrPort(strings.TrimPrefix(broken.URL, "http://")).Port()
	require.ErrorContains(t, ask(port, nameServer(t, loopback, &queries)), "answer: 404 Not Found")
}

// TestNameServerSpeaksDNS keeps the stand-in honest.
func TestNameServerSpeaksDNS(t *testing.T) {
	query := []byte{0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 'w', 'e', 'b', 0, 0, 1, 0, 1, 0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0}
	answer := answerA(query, netip.MustParseAddr("127.81.0.9"))
	require.Equal(t, uint16(0xabcd), binary.BigEndian.Uint16(answer))
	require.Equal(t, []byte{127, 81, 0, 9}, answer[len(answer)-4:])
	require.Equal(t, query[:12][4:6], answer[4:6], "one question")
}
