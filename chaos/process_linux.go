package chaos

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// OwnGroup keeps the terminal's signals from a process, and ends it when its parent is gone. The kernel takes the end of the
// thread that forked for the parent's end; Go ends a thread only when a goroutine that is locked to it returns, and nothing
// that starts processes locks itself to one.
func OwnGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// AwaitStop waits until the kernel has really stopped all processes after a SIGSTOP, which another CPU may still be
// running, and returns when the last one was. It gives up after a second, for a process that was killed meanwhile.
func AwaitStop(processes ...*Process) time.Time {
	limit := time.Now().Add(time.Second)
	for _, p := range processes {
		for !p.stopped() && p.Running() && time.Now().Before(limit) {
			time.Sleep(time.Millisecond)
		}
	}
	return time.Now()
}

// stopped reads the state in /proc/PID/stat (proc_pid_stat(5)): the field behind the command's name in brackets.
func (p *Process) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return false
	}
	_, fields, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	return found && len(fields) > 0 && fields[0] == 'T'
}
