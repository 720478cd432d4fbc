package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Output says where a demo prints, and what.
type Output struct {
	Out      io.Writer // the result
	Progress io.Writer // what happens meanwhile
	JSON     bool      // the result as JSON instead of a table
	Report   string    // file for the HTML page; empty: none
}

// Run carries out a demo until its duration is over or ctx ends, and prints its result. The error has exit code 1 when
// something was wrong with what was found.
func Run(ctx context.Context, o Options, out Output) error {
	if err := out.check(); err != nil {
		return err
	}
	screen := newScreen(out.Progress)
	result, err := run(ctx, o, screen, introduce)
	if err != nil {
		return err
	}
	if out.JSON {
		if err := writeJSON(out.Out, result); err != nil {
			return err
		}
	} else {
		printTable(newScreen(out.Out), result)
	}
	if err := out.writeReport(screen, func(w io.Writer) error { return chaos.WriteReport(w, result) }); err != nil {
		return err
	}
	if !result.OK {
		return problemError{len(result.Problems)}
	}
	return nil
}

// check fails before the demo rather than after it when the report can't be written.
func (o Output) check() error {
	if o.Report == "" {
		return nil
	}
	file, err := os.OpenFile(o.Report, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return usagef("--report: %v; a valid example is --report report.html", err)
	}
	return file.Close()
}

func (o Output) writeReport(s *screen, write func(io.Writer) error) error {
	if o.Report == "" {
		return nil
	}
	file, err := os.Create(o.Report)
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	defer file.Close()
	if err := write(file); err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	s.line("The report is in %s", o.Report)
	return file.Close()
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
