package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/registry"
)

var (
	east0 = registry.Gateway{Cluster: "east", Name: "e-0"}
	west0 = registry.Gateway{Cluster: "west", Name: "w-0"}
)

func TestDataDirKeepsWhatMustOutliveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.NoError(t, err)
	first.Close()
	second, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.NoError(t, err)
	defer second.Close()
	require.Equal(t, first.ResetKey, second.ResetKey)
	require.Greater(t, second.Epoch, first.Epoch)
}

func TestDataDirRefusesAnotherGatewaysDirectory(t *testing.T) {
	path := t.TempDir()
	first, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.NoError(t, err)
	first.Close()
	_, err = openDataDir(path, "mesh.internal", west0, zerolog.Nop())
	require.ErrorContains(t, err, "belongs to east/e-0 of mesh mesh.internal, and this is west/w-0")
	_, err = openDataDir(path, "other.internal", east0, zerolog.Nop())
	require.ErrorContains(t, err, "this is east/e-0 of mesh other.internal")
	again, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.NoError(t, err, "a refusal loses nothing")
	require.Equal(t, first.ResetKey, again.ResetKey)
	again.Close()
}

func TestDataDirRefusesASecondProcess(t *testing.T) {
	path := t.TempDir()
	first, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.NoError(t, err)
	defer first.Close()
	_, err = openDataDir(path, "mesh.internal", east0, zerolog.Nop())
	require.ErrorContains(t, err, "in use by another gateway")
}

// A power cut may leave any file cut off or empty. None of them may keep the gateway from starting.
func TestDataDirStartsFromAnyDamage(t *testing.T) {
	for _, name := range []string{"gateway.json", "reset-key", "epoch"} {
		for _, damage := range []string{"", "{", "\x00\x00\x00"} {
			path := t.TempDir()
			first, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
			require.NoError(t, err)
			first.Close()
			require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(damage), 0o600))
			again, err := openDataDir(path, "mesh.internal", east0, zerolog.Nop())
			require.NoError(t, err, "%s damaged to %q", name, damage)
			require.Greater(t, again.Epoch, first.Epoch, "%s damaged to %q", name, damage)
			again.Close()
		}
	}
}
