package registry

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLabels(t *testing.T) {
	for label, good := range map[string]bool{
		"a": true, "7": true, "grapevine-0": true, "a--b": true, strings.Repeat("x", 63): true,
		"": false, "-a": false, "a-": false, "A": false, "a.b": false, "a_b": false, "a/b": false, "ä": false, strings.Repeat("x", 64): false,
	} {
		require.Equal(t, good, CheckLabel(label) == nil, "%q", label)
	}
}

func TestGatewaysAsText(t *testing.T) {
	g, err := ParseGateway("east/e-0")
	require.NoError(t, err)
	require.Equal(t, east0, g)
	text, err := g.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "east/e-0", string(text))
	require.NoError(t, g.UnmarshalText([]byte("west/w-0")))
	require.Equal(t, west0, g)
	for _, wrong := range []string{"", "east", "/", "east/", "/e-0", "East/e-0", "east/e-0/x"} {
		_, err := ParseGateway(wrong)
		require.Error(t, err, "%q", wrong)
		require.Error(t, g.UnmarshalText([]byte(wrong)))
		require.Equal(t, west0, g, "an error leaves it alone")
	}
	require.True(t, Gateway{}.IsZero())
	require.False(t, east0.IsZero())
}

func TestOrders(t *testing.T) {
	gateways := []Gateway{{"west", "a"}, {"east", "b"}, {"east", "a"}}
	slices.SortFunc(gateways, Gateway.Compare)
	require.Equal(t, []Gateway{{"east", "a"}, {"east", "b"}, {"west", "a"}}, gateways)
	services := []ServiceName{{"shop", "a"}, {"bank", "b"}, {"bank", "a"}}
	slices.SortFunc(services, ServiceName.Compare)
	require.Equal(t, []ServiceName{{"bank", "a"}, {"bank", "b"}, {"shop", "a"}}, services)
	require.Equal(t, "a.bank", services[0].String())
}
