package experiment

import (
	"errors"
	"fmt"
)

// ErrInterrupted ends what was interrupted before it had anything to tell.
var ErrInterrupted = errors.New("interrupted before anything was measured")

var errTooFew = errors.New("too few answers")

// usageError is wrong use of the command line.
type usageError struct{ message string }

// Usagef returns an error with the exit code of wrong use. It should say what was wrong, and show a valid example.
func Usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

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

// Error makes a death what ends an experiment that hasn't begun.
func (d Death) Error() string {
	return fmt.Sprintf("%s ended by itself (%s); its log ends:\n%s", d.Name, d.Status, d.Log)
}
