package contexts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
	"github.com/grapevine-mesh/grapevine/cmd/grapevine/experiment"
)

// driver is a program that makes the faults that Kubernetes has no command for: machines without power, networks that are
// cut. Every kind of machine has its own; chaos/drivers/README.md is the contract.
type driver struct {
	program string
	env     []string
	offers  []chaos.FaultKind
}

// driveWithin bounds one command of a driver: machines are slow to come back.
const driveWithin = 10 * time.Minute

// newDriver asks a driver what it can do.
func newDriver(ctx context.Context, cfg *Config) (*driver, error) {
	d := &driver{program: cfg.Driver, env: []string{"GRAPEVINE_NAMESPACE=" + cfg.Namespace, "KUBECTL=" + cfg.Kubectl}}
	if d.program == "" {
		return d, nil
	}
	var offers bytes.Buffer
	if err := d.do(ctx, nil, func(line string) { fmt.Fprintln(&offers, line) }, "faults"); err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			return nil, experiment.Usagef("--driver: %v; a valid example is --driver chaos/drivers/kind.sh", err)
		}
		return nil, err
	}
	for word := range strings.FieldsSeq(offers.String()) {
		d.offers = append(d.offers, chaos.FaultKind(word))
	}
	return d, nil
}

func (d *driver) can(kind chaos.FaultKind) bool { return slices.Contains(d.offers, kind) }

// order is one fault, as a driver is told of it.
type order struct {
	fault  chaos.FaultKind
	hit    string   // context
	others []string // contexts
	pods   []string // the gateways that are hit
}

func (o order) args(verb string) []string {
	return append([]string{verb, string(o.fault), o.hit}, o.others...)
}

// strike makes a fault. It calls began with the time of the driver's line "striking", or of the driver's start where there is
// none, and returns the time of the line that says that the fault was made.
func (d *driver) strike(ctx context.Context, o order, began func(time.Time)) (gone time.Time, err error) {
	start, striking := time.Now(), false
	err = d.do(ctx, o.pods, func(line string) {
		if strings.HasPrefix(line, "striking") {
			striking = true
			began(time.Now())
			return
		}
		if gone.IsZero() {
			gone = time.Now()
		}
	}, o.args("strike")...)
	if err != nil {
		return gone, err
	}
	if gone.IsZero() {
		gone = time.Now()
	}
	if !striking {
		began(start)
	}
	return gone, nil
}

// heal undoes a fault and returns what the driver said last.
func (d *driver) heal(ctx context.Context, o order) (said string, err error) {
	err = d.do(ctx, o.pods, func(line string) { said = line }, o.args("heal")...)
	return said, err
}

// do runs the driver and hands on its lines as they come. The terminal's Ctrl-C doesn't reach it: half a fault helps nobody.
func (d *driver) do(ctx context.Context, pods []string, tell func(line string), args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, driveWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Env = append(append(os.Environ(), d.env...), "GRAPEVINE_PODS="+strings.Join(pods, " "))
	cmd.SysProcAttr = chaos.OwnGroup()
	cmd.WaitDelay = 5 * time.Second
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the driver %s: %w", d.program, err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		tell(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		text := strings.ReplaceAll(strings.TrimSpace(failed.String()), "\n", "\n    ")
		return fmt.Errorf("the driver failed (%w): %s %s\n    %s", err, d.program, strings.Join(args, " "), text)
	}
	return nil
}
