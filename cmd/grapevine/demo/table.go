package demo

import (
	"strings"
	"unicode/utf8"
)

// table aligns rows: the first column to the left, the others to the right. It measures what is seen, not the bytes, so
// cells may be coloured.
type table struct {
	screen *screen
	rows   [][]string
}

func newTable(s *screen) *table { return &table{screen: s} }

// row adds a row; the first one is the heading.
func (t *table) row(label string, cells ...string) {
	t.rows = append(t.rows, append([]string{label}, cells...))
}

func (t *table) flush() {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], visible(cell))
		}
	}
	t.screen.line("")
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
			text = t.screen.paint(bold, text)
		}
		t.screen.line("%s", text)
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
func alarm(s *screen, n int64) string {
	if n == 0 {
		return "0"
	}
	return s.paint(bold+";"+red, thousands(n))
}
