package experiment

import (
	"strings"
	"unicode/utf8"
)

// table aligns rows: the first column to the left, the others to the right. It measures what is seen, not the bytes, so
// cells may be coloured.
type Table struct {
	screen *Screen
	rows   [][]string
}

func NewTable(s *Screen) *Table { return &Table{screen: s} }

// row adds a row; the first one is the heading.
func (t *Table) Row(label string, cells ...string) {
	t.rows = append(t.rows, append([]string{label}, cells...))
}

func (t *Table) Flush() {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], visible(cell))
		}
	}
	t.screen.Line("")
	for n, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-visible(cell))
			if i == 0 {
				b.WriteString(cell + space)
			} else {
				b.WriteString("   " + space + cell)
			}
		}
		text := b.String()
		if n == 0 {
			text = t.screen.Paint(bold, text)
		}
		t.screen.Line("%s", text)
	}
}

// visible counts the characters of text that take up room, without its escape sequences.
func visible(text string) int {
	n := utf8.RuneCountInString(text)
	for {
		start := strings.Index(text, "\x1b[")
		if start < 0 {
			return n
		}
		length := strings.IndexByte(text[start:], 'm') + 1
		n -= length
		text = text[start+length:]
	}
}

// alarm prints a count that should be zero.
func alarm(s *Screen, n int64) string {
	if n == 0 {
		return "0"
	}
	return s.Paint(bold+";"+red, thousands(n))
}
