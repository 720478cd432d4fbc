package chaos

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPorts(t *testing.T) {
	var p ports[string]
	any0 := netip.MustParseAddrPort("10.0.0.1:0")
	first, err := p.bind(any0, "first")
	require.NoError(t, err)
	p.release(first, "another")
	_, taken := p.at(first)
	require.True(t, taken, "only the owner gives a port back")
	p.release(first, "first")
	p.release(first, "first")
	_, taken = p.at(first)
	require.False(t, taken)

	second, err := p.bind(any0, "second")
	require.NoError(t, err)
	require.NotEqual(t, first, second, "a port that was given back isn't given out at once")
	for range lastEphemeral - firstEphemeral {
		_, err = p.bind(any0, "more")
		require.NoError(t, err)
	}
	_, err = p.bind(any0, "too many")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	p.release(second, "second")
	last, err := p.bind(any0, "last")
	require.NoError(t, err)
	require.Equal(t, second, last)
}
