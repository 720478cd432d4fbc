package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// workdir is a temporary directory that is gone when the demo is. A demo that is SIGKILLed can't remove its own, so the
// next one does: a directory whose lock nobody holds any more belongs to nobody.
type workdir struct {
	path string
	lock *os.File
}

const workdirPattern = "grapevine-demo-"

func newWorkdir() (*workdir, error) {
	removeAbandoned(os.TempDir())
	path, err := os.MkdirTemp("", workdirPattern)
	if err != nil {
		return nil, fmt.Errorf("a directory for the gateways' files: %w", err)
	}
	lock, err := takeLock(path, os.O_CREATE|os.O_RDWR)
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("the lock of %s: %w", path, err)
	}
	return &workdir{path: path, lock: lock}, nil
}

func (w *workdir) remove() {
	os.RemoveAll(w.path)
	w.lock.Close()
}

// takeLock locks a directory. The lock belongs to the open file, which children don't inherit, so it ends with the demo.
func takeLock(dir string, flags int) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// removeAbandoned removes what killed demos left behind. A directory without a lock file is one that is just being made.
func removeAbandoned(temp string) {
	dirs, err := filepath.Glob(filepath.Join(temp, workdirPattern+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		lock, err := takeLock(dir, os.O_RDWR)
		if err != nil {
			continue
		}
		os.RemoveAll(dir)
		lock.Close()
	}
}
