package contexts

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigReadsFlags(t *testing.T) {
	t.Parallel()
	var c Config
	require.NoError(t, c.SetContexts("east, gke_project_zone_west,north"))
	require.Equal(t, []string{"east", "gke_project_zone_west", "north"}, c.Contexts)
	named := new(Config)
	require.NoError(t, named.SetContexts("east=kind-east,west=kind-west"))
	require.Equal(t, []string{"kind-east", "kind-west"}, named.Contexts)
	require.NoError(t, c.SetService("frontend.shop"))
	require.Equal(t, "frontend.shop.federated.", c.Name())
	require.EqualValues(t, 80, c.Port)
	require.NoError(t, c.SetService("web.default:8080"))
	require.EqualValues(t, 8080, c.Port)
	c.Ask = "web.default.svc.cluster.local"
	require.Equal(t, "web.default.svc.cluster.local.", c.Name())

	for _, text := range []string{"east", "east,east", "east,,west", "east=a,west=a", "east=,west=b", ""} {
		require.ErrorContains(t, new(Config).SetContexts(text), "such as --contexts east,west,north", text)
	}
	for _, text := range []string{"frontend", "frontend.", ".shop", "Frontend.shop", "front_end.shop", "-a.b", "a.b:0", "a.b:70000", "a.b:http"} {
		require.ErrorContains(t, new(Config).SetService(text), "--service", text)
	}
}
