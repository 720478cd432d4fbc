package contexts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// kubectl runs that program for one context. Whoever has clusters has it, with whatever its credentials need; and the
// libraries of Kubernetes keep their one home elsewhere.
type kubectl struct {
	program string
	context string
}

// answerWithin bounds one command, where the caller's context doesn't end earlier.
const answerWithin = 20 * time.Second

// run runs one command and returns what it printed.
func (k kubectl) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return k.await(ctx, stdin, args...)
}

// await is run for commands that take as long as ctx lets them.
func (k kubectl) await(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd := k.command(ctx, args...)
	var out, failed bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &failed
	if err := cmd.Run(); err != nil {
		return nil, k.failure(ctx, err, failed.String(), args)
	}
	return out.Bytes(), nil
}

// get decodes what `kubectl get` prints as JSON.
func (k kubectl) get(ctx context.Context, value any, args ...string) error {
	out, err := k.run(ctx, nil, append(append([]string{"get"}, args...), "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, value); err != nil {
		return fmt.Errorf("%s: %w", k.line(args), err)
	}
	return nil
}

// command is one that the terminal's Ctrl-C doesn't reach, and that ends with this program.
func (k kubectl) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.program, append([]string{"--context", k.context}, args...)...)
	cmd.SysProcAttr = chaos.OwnGroup()
	cmd.WaitDelay = 5 * time.Second // for a plug-in of its own that keeps the pipes open
	return cmd
}

// line is the command as a user would type it.
func (k kubectl) line(args []string) string {
	return strings.Join(append([]string{"kubectl", "--context", k.context}, args...), " ")
}

func (k kubectl) failure(ctx context.Context, err error, said string, args []string) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s isn't installed; --kubectl says where it is", k.program)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: no answer in time", k.line(args))
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Errorf("%s: %s", k.line(args), last)
	}
	return fmt.Errorf("%s: %w", k.line(args), err)
}
