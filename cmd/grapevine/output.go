package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// outputFlag is -o: how a command prints what it found.
type outputFlag string

func (o *outputFlag) register(cmd *cobra.Command) {
	*o = "table"
	cmd.Flags().VarP(o, "output", "o", "table or json")
}

// String, Set and Type make the flag check its value while the command line is parsed.
func (o *outputFlag) String() string { return string(*o) }

// Set accepts table and json.
func (o *outputFlag) Set(value string) error {
	if value != "table" && value != "json" {
		return errors.New("want table or json, such as -o json")
	}
	*o = outputFlag(value)
	return nil
}

// Type names the flag's value in the help.
func (o *outputFlag) Type() string { return "format" }

// print writes value as JSON, or as the table that draw fills.
func (o *outputFlag) print(cmd *cobra.Command, value any, draw func(*table)) error {
	if *o == "json" {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	t := newTable(cmd.OutOrStdout())
	draw(t)
	return t.flush()
}

// table aligns columns the way kubectl does.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table { return &table{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)} }

func (t *table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		if texts[i] = fmt.Sprint(cell); texts[i] == "" {
			texts[i] = "-"
		}
	}
	fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

func (t *table) line(text string) { fmt.Fprintln(t.w, text) }

func (t *table) flush() error { return t.w.Flush() }

// ago prints how long ago something was, in the largest unit that says enough.
func ago(at time.Time) string {
	d := time.Since(at)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
