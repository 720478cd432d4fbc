package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Command is what a [Process] runs.
type Command struct {
	Name string // in messages: "west/w-0"
	Path string
	Args []string
	Env  []string // "KEY=value", beside what this process has
	Log  string   // the file that its output is appended to
}

// Process is a real operating system process that can be killed, stopped and continued. It has a process group of its own,
// so the terminal's Ctrl-C doesn't reach it, and it dies with the process that started it, even where that is SIGKILLed.
type Process struct {
	Name    string
	Log     string
	cmd     *exec.Cmd
	planned atomic.Bool // its end was asked for
	gone    chan struct{}
	goneAt  time.Time // readable once gone is closed, as is status
	status  string
}

// StartProcess starts c. Whoever starts a process has to end it, and to wait until [Process.Gone] is closed.
func StartProcess(c Command) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(c.Log), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log of %s: %w", c.Name, err)
	}
	defer log.Close() // the process has a descriptor of its own
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = OwnGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p := &Process{Name: c.Name, Log: c.Log, cmd: cmd, gone: make(chan struct{})}
	go p.reap() // ends with the process
	return p, nil
}

func (p *Process) reap() {
	p.cmd.Wait() // what it says is in ProcessState
	p.goneAt = time.Now()
	p.status = p.cmd.ProcessState.String()
	close(p.gone)
}

// PID is the process's number, for people.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Gone is closed once the process has ended and been reaped: nothing of it can answer any more.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Running tells whether the process has not ended yet. A stopped process is running.
func (p *Process) Running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// End returns when the process was reaped and what became of it, such as "signal: killed", and whether that had been asked
// for. Before it has ended, at is zero.
func (p *Process) End() (at time.Time, status string, planned bool) {
	if p.Running() {
		return time.Time{}, "", false
	}
	return p.goneAt, p.status, p.planned.Load()
}

// Tail returns the last lines of the process's log, to be shown beside what went wrong.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Signal sends sig to all processes, in order and without a pause between them. An end that
// follows is a planned one where sig is SIGKILL or SIGTERM. Processes that have ended already are passed over: os.Process
// knows them by descriptor, so no stranger that got the same number is ever hit.
func Signal(sig syscall.Signal, processes ...*Process) {
	if sig == syscall.SIGKILL || sig == syscall.SIGTERM {
		for _, p := range processes {
			p.planned.Store(true)
		}
	}
	for _, p := range processes {
		p.cmd.Process.Signal(sig)
	}
}

// AwaitEnd waits until all processes are gone, and returns when the last one was. After limit it sends SIGKILL to those
// that are left; there it is certain that they go.
func AwaitEnd(limit time.Duration, processes ...*Process) time.Time {
	late := time.NewTimer(limit)
	defer late.Stop()
	var last time.Time
	for i, p := range processes {
		select {
		case <-p.gone:
		case <-late.C:
			Signal(syscall.SIGKILL, processes[i:]...)
			<-p.gone
		}
		if p.goneAt.After(last) {
			last = p.goneAt
		}
	}
	return last
}
