package experiment

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Output says where an experiment prints, and what.
type Output struct {
	Out      io.Writer // the result
	Progress io.Writer // what happens meanwhile
	JSON     bool      // the result as JSON instead of a table
	Report   string    // file for the HTML page; empty: none
}

// Present makes one experiment and prints its result. The error has exit code 1 when something was wrong with what was
// found.
func (o Output) Present(ctx context.Context, make func(context.Context, *Screen) (*chaos.Result, error)) error {
	if err := o.Check(); err != nil {
		return err
	}
	screen := NewScreen(o.Progress)
	result, err := make(ctx, screen)
	if err != nil {
		return err
	}
	if o.JSON {
		if err := writeJSON(o.Out, result); err != nil {
			return err
		}
	} else {
		printTable(NewScreen(o.Out), result)
	}
	if err := o.writeReport(screen, func(w io.Writer) error { return chaos.WriteReport(w, result) }); err != nil {
		return err
	}
	if !result.OK {
		return problemError{len(result.Problems)}
	}
	return nil
}

// Check fails before an experiment rather than after it when the report can't be written.
func (o Output) Check() error {
	if o.Report == "" {
		return nil
	}
	file, err := os.OpenFile(o.Report, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return Usagef("--report: %v; a valid example is --report report.html", err)
	}
	return file.Close()
}

func (o Output) writeReport(s *Screen, write func(io.Writer) error) error {
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
	s.Line("The report is in %s", o.Report)
	return file.Close()
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
