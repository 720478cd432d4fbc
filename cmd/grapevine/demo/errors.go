package demo

import (
	"errors"
	"fmt"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// errInterrupted ends a demo that was interrupted before it had anything to tell.
var errInterrupted = errors.New("interrupted before anything was measured")

// usageError is wrong use of the command line.
type usageError struct{ message string }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// Error returns what was wrong, and a valid example.
func (e usageError) Error() string { return e.message }

// ExitCode is the exit code of wrong use.
func (usageError) ExitCode() int { return 2 }

// problemError tells that the experiment went its course and found something wrong. What it was has been printed by then.
type problemError struct{ problems int }

// Error counts the problems.
func (e problemError) Error() string {
	if e.problems == 1 {
		return "found a problem"
	}
	return fmt.Sprintf("found %d problems", e.problems)
}

// ExitCode is the exit code of a problem that was found.
func (problemError) ExitCode() int { return 1 }

func endedError(p *chaos.Process, status string) error {
	return fmt.Errorf("%s ended by itself (%s); its log ends:\n%s", p.Name, status, logTail(p))
}
