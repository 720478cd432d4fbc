package registry

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheEpochGrowsAtEveryStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epoch")
	var former uint64
	for _, start := range []struct {
		what string
		at   time.Time
	}{
		{"the first", now},
		{"another at the same instant", now},
		{"a later one", now.Add(time.Hour)},
		{"one after the clock was set back", now.Add(-time.Hour)},
	} {
		epoch, err := LoadEpoch(path, start.at)
		require.NoError(t, err)
		require.Greater(t, epoch, former, start.what)
		require.GreaterOrEqual(t, epoch, uint64(start.at.UnixMilli()), start.what)
		former = epoch
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "temporary files")
}

func TestADamagedEpochFileDoesNoHarm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epoch")
	former, err := LoadEpoch(path, now)
	require.NoError(t, err)
	for _, damage := range []string{"", "17", "nonsense", "-5", "99999999999999999999999", "9999999999999999", "\x00\xff"} {
		require.NoError(t, os.WriteFile(path, []byte(damage), 0o600))
		epoch, err := LoadEpoch(path, now.Add(time.Second))
		require.NoError(t, err)
		require.Greater(t, epoch, former, "%q", damage)
		require.LessOrEqual(t, epoch, uint64(now.Add(maxAhead).UnixMilli()), "%q: others would refuse it", damage)
	}
}

func TestAnEpochThatCantBeKeptIsGoodForThisStart(t *testing.T) {
	epoch, err := LoadEpoch(filepath.Join(t.TempDir(), "nowhere", "epoch"), now)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.EqualValues(t, now.UnixMilli(), epoch)
}
