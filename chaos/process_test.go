package chaos

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startShell runs a shell script as a process that ends with the test.
func startShell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := StartProcess(Command{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "logs", "shell.log")})
	require.NoError(t, err)
	t.Cleanup(func() {
		Signal(syscall.SIGKILL, p)
		AwaitEnd(10*time.Second, p)
	})
	return p
}

func TestProcessTellsHowItEnded(t *testing.T) {
	p := startShell(t, "echo one; echo two >&2; echo three; exit 3")
	<-p.Gone()
	at, status, planned := p.End()
	require.False(t, planned)
	require.Equal(t, "exit status 3", status)
	require.WithinDuration(t, time.Now(), at, 10*time.Second)
	require.Equal(t, "two\nthree", p.Tail(2))
	require.False(t, p.Running())
}

func TestKillTakesAllAtOnce(t *testing.T) {
	var all []*Process
	for range 3 {
		all = append(all, startShell(t, "trap '' TERM; while :; do sleep 1; done"))
	}
	_, _, planned := all[0].End()
	require.False(t, planned)
	require.True(t, all[0].Running())
	before := time.Now()
	Signal(syscall.SIGKILL, all...)
	gone := AwaitEnd(10*time.Second, all...)
	require.True(t, gone.After(before))
	for _, p := range all {
		at, status, planned := p.End()
		require.Equal(t, "signal: killed", status)
		require.True(t, planned)
		require.False(t, at.After(gone))
	}
	Signal(syscall.SIGKILL, all...) // of ended processes, which hurts nobody
}

func TestAwaitEndKillsWhatDoesNotObey(t *testing.T) {
	p := startShell(t, "trap '' TERM; echo ready; while :; do sleep 1; done")
	require.Eventually(t, func() bool { return p.Tail(1) == "ready" }, 10*time.Second, 5*time.Millisecond)
	Signal(syscall.SIGTERM, p)
	AwaitEnd(100*time.Millisecond, p)
	_, status, _ := p.End()
	require.Equal(t, "signal: killed", status)
}

func TestStopAndContinue(t *testing.T) {
	p := startShell(t, "while :; do echo tick; sleep 0.01; done")
	require.Eventually(t, func() bool { return p.Tail(1) == "tick" }, 10*time.Second, 5*time.Millisecond)
	Signal(syscall.SIGSTOP, p)
	AwaitStop(p)
	require.True(t, p.stopped())
	require.True(t, p.Running(), "stopped is not gone")
	ticks := p.Tail(1 << 20)
	require.Never(t, func() bool { return p.Tail(1<<20) != ticks }, 100*time.Millisecond, 20*time.Millisecond)
	Signal(syscall.SIGCONT, p)
	require.Eventually(t, func() bool { return p.Tail(1<<20) != ticks }, 10*time.Second, 5*time.Millisecond)
	_, _, planned := p.End()
	require.False(t, planned)
}

func TestStartOfNothing(t *testing.T) {
	_, err := StartProcess(Command{Name: "west/w-0", Path: "/no/such/program", Log: filepath.Join(t.TempDir(), "log")})
	require.ErrorContains(t, err, "start west/w-0")
}

// TestProcessDiesWithItsParent runs itself as a parent that starts a process and is then SIGKILLed, which leaves it no time
// to clean up.
func TestProcessDiesWithItsParent(t *testing.T) {
	const role = "CHAOS_TEST_PARENT"
	if os.Getenv(role) != "" {
		p := startShell(t, "while :; do sleep 1; done")
		fmt.Println("child", p.PID())
		select {}
	}
	parent := exec.Command(os.Args[0], "-test.run=^TestProcessDiesWithItsParent$")
	parent.Env = append(os.Environ(), role+"=yes", "TMPDIR="+t.TempDir()) // it can't remove what it makes
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	defer parent.Wait()
	defer parent.Process.Kill()
	child := 0
	for lines := bufio.NewScanner(output); child == 0 && lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "child "); found {
			child, err = strconv.Atoi(text)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, child)
	require.NoError(t, syscall.Kill(child, 0), "it runs")
	require.NoError(t, parent.Process.Kill())
	require.Eventually(t, func() bool { return gone(child) }, 10*time.Second, 5*time.Millisecond)
}

// gone tells whether a process has ended; one that nobody has reaped yet counts.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
