package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// LoadEpoch returns the epoch of this start, and keeps it in a file for the next. It is greater than the one before, and
// never behind the clock, in milliseconds: so it grows when the clock was set back, and it grows when the file is lost or
// damaged. Only with both at once it doesn't, and then the other gateways still know (see [Store]).
//
// The epoch is good, for this start, even where the error says that it couldn't be kept.
func LoadEpoch(path string, now time.Time) (uint64, error) {
	epoch := uint64(now.UnixMilli())
	if former, ok := readEpoch(path); ok && former < uint64(now.Add(maxAhead).UnixMilli()) {
		epoch = max(epoch, former+1) // what lies further ahead is damage: others would refuse it as well
	}
	if err := writeEpoch(path, epoch); err != nil {
		return epoch, fmt.Errorf("keep the epoch: %w", err)
	}
	return epoch, nil
}

func readEpoch(path string) (uint64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	epoch, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return epoch, err == nil
}

// writeEpoch replaces the file as a whole: after a crash there is the old one or the new one.
func writeEpoch(path string, epoch uint64) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = fmt.Fprintln(file, epoch)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename last.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
