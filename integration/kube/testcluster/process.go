package testcluster

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// patience is how long a control plane may take to start or stop. It needs 3 s, and many times that beside heavy work.
const patience = 3 * time.Minute

// Tool returns the path of the executable of a tool of the module in a directory. It builds it where it is not in Go's build
// cache: for the control plane that is minutes, and a moment where it is.
func Tool(t testing.TB, dir, name string) string {
	t.Helper()
	cmd := exec.Command("go", "tool", "-n", name)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go tool -n %s: %s", name, &stderr)
	return strings.TrimSpace(string(out))
}

// Start starts the control plane on what it left behind, and waits until it can be used.
func (c *Cluster) Start() {
	c.t.Helper()
	require.Nil(c.t, c.process, "the control plane runs already")
	former, _ := os.ReadFile(c.path("log")) // none at the first start
	process, err := chaos.StartProcess(chaos.Command{
		Name: "control plane", Path: c.binary, Args: []string{"--dir", c.dir, "--listen", c.listen}, Log: c.path("log"),
	})
	require.NoError(c.t, err)
	c.process = process
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		log, err := os.ReadFile(process.Log)
		require.NoError(c.t, err)
		if bytes.Contains(log[len(former):], []byte("\nready https://")) {
			return
		}
		require.True(c.t, process.Running(), "the control plane ended:\n%s", c.complaints())
		require.True(c.t, time.Now().Before(deadline), "the control plane isn't ready:\n%s", c.complaints())
	}
}

// Stop asks the control plane to end, and waits until it has.
func (c *Cluster) Stop() {
	c.t.Helper()
	require.Equal(c.t, "exit status 0", c.end(syscall.SIGTERM), "%s", c.complaints())
	c.process = nil
}

// Kill ends the control plane in the middle of whatever it does.
func (c *Cluster) Kill() {
	c.t.Helper()
	c.end(syscall.SIGKILL)
	c.process = nil
}

func (c *Cluster) end(signal syscall.Signal) (status string) {
	c.t.Helper()
	require.NotNil(c.t, c.process, "the control plane doesn't run")
	chaos.Signal(signal, c.process)
	chaos.AwaitEnd(patience, c.process)
	_, status, _ = c.process.End()
	return status
}

// Freeze stops the control plane's clock: connections stand, and nothing is answered until Thaw.
func (c *Cluster) Freeze() {
	chaos.Signal(syscall.SIGSTOP, c.process)
	chaos.AwaitStop(c.process)
}

// Thaw lets the control plane go on.
func (c *Cluster) Thaw() { chaos.Signal(syscall.SIGCONT, c.process) }

// complaints returns the last lines of the control plane's log that tell of errors.
func (c *Cluster) complaints() string {
	const shown = 30
	lines := strings.Split(c.process.Tail(1000), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "I") || strings.HasPrefix(line, "W") })
	return strings.Join(lines[max(0, len(lines)-shown):], "\n")
}
