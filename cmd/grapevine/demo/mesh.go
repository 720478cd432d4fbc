package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// mesh is the running processes of a plan.
type mesh struct {
	*plan
	binary string
	died   func(p *chaos.Process, at time.Time, status string) // an end that nobody had asked for

	mu       sync.Mutex
	running  map[string]*chaos.Process // by name; ended ones stay until they are started again
	closed   bool
	watchers sync.WaitGroup
}

func newMesh(p *plan, binary string, died func(*chaos.Process, time.Time, string)) *mesh {
	return &mesh{plan: p, binary: binary, died: died, running: make(map[string]*chaos.Process)}
}

// startCluster starts every process of a cluster that isn't running: all of them, or the one that was killed.
func (m *mesh) startCluster(c *cluster) ([]*chaos.Process, error) {
	commands := []chaos.Command{m.serviceCommand(c)}
	for _, g := range c.Gateways {
		commands = append(commands, m.gatewayCommand(g))
	}
	var started []*chaos.Process
	for _, command := range commands {
		p, err := m.start(command)
		if err != nil {
			return started, err
		}
		if p != nil {
			started = append(started, p)
		}
	}
	return started, nil
}

func (m *mesh) gatewayCommand(g *gateway) chaos.Command {
	return m.command(g.ID.String(), "run", "-c", g.config())
}

func (m *mesh) serviceCommand(c *cluster) chaos.Command {
	return m.command(c.Name+"/"+serviceName, "demo", "service", "--listen", c.Service.String(), "--answer", c.Name)
}

// command starts this program as another one. Ten processes share the machine, and each needs a small part of a core: with
// threads for all cores they spend an eighth more, on waking one another.
func (m *mesh) command(name string, args ...string) chaos.Command {
	return chaos.Command{Name: name, Path: m.binary, Args: args, Env: []string{"GOMAXPROCS=1"}, Log: m.log(name)}
}

func (m *mesh) log(name string) string {
	return filepath.Join(m.Dir, "logs", strings.ReplaceAll(name, "/", "-")+".log")
}

func (m *mesh) start(command chaos.Command) (*chaos.Process, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.running[command.Name]; m.closed || before != nil && before.Running() {
		return nil, nil
	}
	p, err := chaos.StartProcess(command)
	if err != nil {
		return nil, err
	}
	m.running[command.Name] = p
	m.watchers.Go(func() {
		<-p.Gone()
		if at, status, planned := p.End(); !planned {
			m.died(p, at, status)
		}
	})
	return p, nil
}

// processes returns those of a cluster in the order in which a fault hits them: the gateways first, because they are what
// the others talk to. With gatewayOnly it is the last gateway alone, so that the cluster's prober, which asks the first one,
// goes on measuring.
func (m *mesh) processes(c *cluster, gatewayOnly bool) []*chaos.Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	if gatewayOnly {
		return []*chaos.Process{m.running[c.Gateways[len(c.Gateways)-1].ID.String()]}
	}
	var all []*chaos.Process
	for _, g := range c.Gateways {
		all = append(all, m.running[g.ID.String()])
	}
	return append(all, m.running[c.Name+"/"+serviceName])
}

func (m *mesh) process(name string) *chaos.Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running[name]
}

// close ends every process and waits until all are gone. Nothing is started afterwards.
func (m *mesh) close() {
	m.mu.Lock()
	m.closed = true
	var all []*chaos.Process
	for _, p := range m.running {
		all = append(all, p)
	}
	m.mu.Unlock()
	chaos.Signal(syscall.SIGKILL, all...) // which a stopped process obeys too
	chaos.AwaitEnd(10*time.Second, all...)
	m.watchers.Wait()
}

// keepLogs copies the processes' logs to a directory that outlives the demo.
func (m *mesh) keepLogs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--logs: %w", err)
	}
	logs, err := filepath.Glob(filepath.Join(m.Dir, "logs", "*.log"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(log)), text, 0o644); err != nil {
			return fmt.Errorf("--logs: %w", err)
		}
	}
	return nil
}
