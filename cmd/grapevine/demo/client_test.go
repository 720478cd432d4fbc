package demo

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// freeAddress returns an address on loopback that nobody held a moment ago, on UDP and TCP alike.
func freeAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return netip.MustParseAddrPort(listener.Addr().String())
}

// startSample runs the sample service over HTTP and UDP, and waits until both answer.
func startSample(t *testing.T, answer string) (http, udp netip.AddrPort) {
	t.Helper()
	http, udp = freeAddress(t), freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runBoth(ctx, http, udp, answer) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool {
		_, _, err := command("demo", "get", "http://"+http.String())
		_, _, errUDP := command("demo", "get", "--timeout", "100ms", "udp://"+udp.String()+"/ping")
		return err == nil && errUDP == nil
	}, 20*time.Second, 20*time.Millisecond)
	return http, udp
}

// command runs one command line in this process.
func command(args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errs)
	err = root.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

func TestGetPrintsWhatTheSampleServiceAnswers(t *testing.T) {
	http, udp := startSample(t, "east frontend-0 10.11.0.7")

	out, _, err := command("demo", "get", "--count", "2", "http://"+http.String()+"/any/path")
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("east frontend-0 10.11.0.7\n", 2), out)

	out, _, err = command("demo", "get", "udp://"+udp.String()+"/hello there")
	require.NoError(t, err)
	require.Equal(t, "east frontend-0 10.11.0.7 hello there\n", out)
}

func TestGetFailsWhereARequestDoes(t *testing.T) {
	nobody := freeAddress(t)
	out, errs, err := command("demo", "get", "--count", "2", "http://"+nobody.String())
	require.ErrorContains(t, err, "2 of 2 requests failed")
	require.Contains(t, errs, "refused")
	require.Empty(t, out)
}

func TestLookupPrintsAddresses(t *testing.T) {
	out, _, err := command("demo", "lookup", "127.0.0.1")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1\n", out)
}

func TestWrongUseOfTheClientShowsWhatIsRight(t *testing.T) {
	for _, args := range [][]string{
		{"get"}, {"get", "frontend"}, {"get", "ftp://frontend"}, {"get", "udp://echo"}, {"get", "--count", "0", "http://a"}, {"get", "--timeout", "0s", "http://a"},
		{"lookup"}, {"service", "--listen", "9001"}, {"service", "--echo", "9001"},
	} {
		_, _, err := command(append([]string{"demo"}, args...)...)
		require.ErrorContains(t, err, "such as", "%v", args)
		require.Equal(t, 2, err.(interface{ ExitCode() int }).ExitCode(), "%v", args)
	}
}
