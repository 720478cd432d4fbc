package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// running is a demo in a process of its own, with a directory for temporary files of its own.
type running struct {
	cmd    *exec.Cmd
	temp   string
	out    lockedBuffer
	err    lockedBuffer
	exited chan struct{}
}

// lockedBuffer is written by one goroutine while another one reads.
type lockedBuffer struct {
	mu     sync.Mutex
	b      bytes.Buffer
	closed bool
}

// Write fails once the buffer is closed, which makes os/exec close the pipe that the process writes to.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, io.ErrClosedPipe
	}
	return b.b.Write(p)
}

func (b *lockedBuffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs a command line of grapevine. What is wrong with its gateways is said by fake.
func start(t *testing.T, fake string, args ...string) *running {
	t.Helper()
	d := &running{cmd: exec.Command(os.Args[0], args...), temp: t.TempDir(), exited: make(chan struct{})}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.temp, fakeEnv+"="+fake)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.err
	d.cmd.WaitDelay = time.Second // a child that outlived it would keep the pipes open
	require.NoError(t, d.cmd.Start())
	go func() {
		d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		<-d.exited
	})
	return d
}

// wait returns the exit code once the demo has ended, and holds that nothing of it is left.
func (d *running) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-d.exited:
	case <-time.After(time.Minute):
		require.Fail(t, "the demo doesn't end", d.err.String())
	}
	require.Empty(t, d.processes(t), "no process is left")
	left, err := os.ReadDir(d.temp)
	require.NoError(t, err)
	require.Empty(t, left, "no file is left")
	return d.cmd.ProcessState.ExitCode()
}

// processes returns the processes that the demo has started, known by the environment that they inherited.
func (d *running) processes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	var found []string
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(environ), "TMPDIR="+d.temp) || strings.Contains(file, fmt.Sprintf("/%d/", d.cmd.Process.Pid)) {
			continue
		}
		found = append(found, file)
	}
	return found
}

// await waits until the demo has printed text.
func (d *running) await(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(d.out.String()+d.err.String(), text) }, 40*time.Second, 20*time.Millisecond, "it never says %q", text)
}

// interruptAfter ends the demo with Ctrl-C once it has told of something, however long that takes on a busy machine.
func (d *running) interruptAfter(t *testing.T, text string) {
	t.Helper()
	d.await(t, text)
	require.NoError(t, d.cmd.Process.Signal(os.Interrupt))
	d.wait(t)
}

func (d *running) result(t *testing.T) chaos.Result {
	t.Helper()
	var r chaos.Result
	require.NoError(t, json.Unmarshal([]byte(d.out.String()), &r), "JSON alone on standard output")
	return r
}

// requireNoProblem holds that nothing was wrong, but for requests that hung for a second: on a machine that has other things
// to do, this stand-in of a mesh is not what makes them wait.
func requireNoProblem(t *testing.T, r chaos.Result) {
	t.Helper()
	for _, problem := range r.Problems {
		require.True(t, strings.Contains(problem, "hung") || strings.Contains(problem, "busy"), problem)
	}
}

func TestDemoKillsAndHeals(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.html")
	d := start(t, "", "demo", "--kill", "west@1s", "--heal", "west@3500ms", "--rate", "20", "-o", "json", "--report", report)
	d.await(t, "west answers again: the first answer after")
	d.interruptAfter(t, "every gateway sees a whole mesh again")
	r := d.result(t)
	requireNoProblem(t, r)
	require.Equal(t, []string{"east", "west", "north"}, r.Clusters)
	require.Less(t, r.ByCluster[1].Sent, r.ByCluster[0].Sent-10, "west's prober waits while west is down")
	require.Equal(t, "west", r.Fault.Cluster)
	require.GreaterOrEqual(t, r.Fault.At, chaos.Millis(1000))
	require.Equal(t, []string{"west/w-0", "west/w-1"}, r.Fault.Gateways)
	require.Len(t, r.Fault.PIDs, 3)
	require.Len(t, r.Observers, 2, "east and north watch")
	for _, o := range r.Observers {
		require.NotNil(t, o.LinkSuspect)
		require.NotNil(t, o.LinkDown)
		require.NotNil(t, o.RingDead)
		require.NotNil(t, o.LastSent)
	}
	require.NotNil(t, r.Heal.FirstAnswer)
	require.NotNil(t, r.Heal.Whole)
	for _, c := range r.ByCluster {
		for _, cluster := range r.Clusters {
			require.NotZero(t, c.Served[cluster], "%s serves %s", cluster, c.Cluster)
		}
	}
	page, err := os.ReadFile(report)
	require.NoError(t, err)
	require.Contains(t, string(page[:2000]), "west was killed")
	for _, told := range []string{"✗ west killed: 3 processes, SIGKILL", "links to west down after", "✓ west healed: 3 processes started", "west answers again"} {
		require.Contains(t, d.err.String(), told)
	}
}

func TestDemoStops(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--fault", "stop", "--kill", "north@1s", "--heal", "north@3s", "--rate", "20", "-o", "json")
	d.interruptAfter(t, "north answers again: the first answer after") // with whatever exit code: the stand-in has no hedge, so what it sends to a stopped cluster hangs
	r := d.result(t)
	require.Equal(t, "SIGSTOP", r.Fault.Signal)
	require.Less(t, r.Heal.At, chaos.Millis(4500), "nobody waits for a stopped gateway's answer, which would take 2 s")
	require.NotNil(t, r.Observers[0].LinkDown)
	require.NotNil(t, r.Heal.FirstAnswer)
	for _, problem := range r.Problems {
		require.NotContains(t, problem, "by itself")
	}
}

func TestDemoKillsOneGateway(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--fault", "gateway", "--kill", "west@500ms", "--heal", "west@1s", "--rate", "20", "-o", "json")
	d.interruptAfter(t, "west/w-1 serves again")
	r := d.result(t)
	requireNoProblem(t, r)
	require.Equal(t, []string{"west/w-1"}, r.Fault.Gateways)
	require.Len(t, r.Fault.PIDs, 1)
	require.Len(t, r.Observers, 3, "west's own prober goes on")
	require.NotNil(t, r.Heal.FirstAnswer)
	require.InDelta(t, r.ByCluster[0].Sent, r.ByCluster[1].Sent, 3)
}

func TestDemoShutsDownGracefully(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--fault", "graceful", "--kill", "east@500ms", "--duration", "1500ms", "--rate", "20", "-o", "json")
	d.wait(t)
	r := d.result(t)
	require.Equal(t, "SIGTERM", r.Fault.Signal)
	require.Nil(t, r.Heal)
	for _, problem := range r.Problems {
		require.NotContains(t, problem, "SIGTERM", "every process ends with status 0")
	}
}

func TestDemoEndsWithATableOnCtrlC(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--rate", "20")
	d.await(t, "   1.0s  ")
	require.Contains(t, d.out.String(), "dig +short @127.0.0.1 -p ")
	require.Contains(t, d.out.String(), "kill -9 ")
	require.Len(t, d.processes(t), 9)
	require.NoError(t, d.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, d.cmd.Process.Signal(os.Interrupt), "an impatient one")
	d.wait(t)
	require.Contains(t, d.out.String(), "requests asked in")
	require.NotContains(t, d.out.String(), "requests failed")
}

// TestDemoEndsWhenNobodyReads is `grapevine demo | head`.
func TestDemoEndsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--rate", "20")
	d.await(t, "Try in another terminal")
	d.out.close()
	d.wait(t)
}

// TestAnotherDemosDirectoryStays holds that a demo removes what a killed one left, and nothing that is in use.
func TestAnotherDemosDirectoryStays(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	running, err := newWorkdir()
	require.NoError(t, err)
	killed, err := newWorkdir()
	require.NoError(t, err)
	killed.lock.Close() // as the kernel does
	second, err := newWorkdir()
	require.NoError(t, err)
	require.DirExists(t, running.path)
	require.NoDirExists(t, killed.path)
	running.remove()
	second.remove()
	require.NoDirExists(t, running.path)
}

func TestDemoThatIsKilledLeavesNoProcess(t *testing.T) {
	t.Parallel()
	d := start(t, "", "demo", "--rate", "20")
	d.await(t, "Try in another terminal")
	require.NoError(t, d.cmd.Process.Kill())
	<-d.exited
	require.Eventually(t, func() bool { return len(d.processes(t)) == 0 }, 10*time.Second, 10*time.Millisecond)

	left, err := filepath.Glob(filepath.Join(d.temp, workdirPattern+"*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "it had no time for its files")
	removeAbandoned(d.temp)
	require.NoDirExists(t, left[0], "the next demo removes them")
}

func TestDemoSaysWhyAGatewayDidNotStart(t *testing.T) {
	t.Parallel()
	d := start(t, fakeExits, "demo")
	require.Equal(t, 1, d.wait(t))
	require.Contains(t, d.err.String(), "ended by itself (exit status 1); its log ends:\n    ")
	require.Contains(t, d.err.String(), "the fake gateway was told to fail")
}

func TestDemoNoticesAProcessThatDies(t *testing.T) {
	t.Parallel()
	logs := filepath.Join(t.TempDir(), "logs")
	d := start(t, fakeDies, "demo", "--fault", "none", "--duration", "3s", "--rate", "20", "-o", "json", "--logs", logs)
	require.Equal(t, 1, d.wait(t))
	require.Contains(t, d.result(t).Problems, "north/n-1 ended by itself (exit status 1)")
	require.Contains(t, d.err.String(), "✗ north/n-1 ended by itself")
	kept, err := os.ReadFile(filepath.Join(logs, "north-n-1.log"))
	require.NoError(t, err)
	require.Contains(t, string(kept), "the fake gateway was told to die")
}
