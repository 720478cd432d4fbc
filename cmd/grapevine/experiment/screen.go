package experiment

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

// screen prints lines, and on a terminal keeps one more line below them that is redrawn in place.
type Screen struct {
	colour   bool
	terminal bool

	parent *Screen // see [screen.behind]
	prefix string

	mu     sync.Mutex
	out    io.Writer
	status string
}

// newScreen writes to out. Colours and the redrawn line need a terminal; NO_COLOR (no-color.org) takes the colours away.
func NewScreen(out io.Writer) *Screen {
	s := &Screen{out: out}
	if file, isFile := out.(*os.File); isFile {
		info, err := file.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	s.colour = s.terminal && os.Getenv("NO_COLOR") == ""
	return s
}

// behind returns a screen for something that goes on behind this one: its lines are dropped, its status is shown here.
func (s *Screen) behind(prefix string) *Screen {
	return &Screen{parent: s, prefix: prefix, terminal: s.terminal, colour: s.colour, out: io.Discard}
}

// The escape sequences of a terminal (ECMA-48): to the line's start and clear it; no wrapping, and wrapping again, so that
// a narrow window cuts the status off instead of breaking it in two.
const (
	clearLine = "\r\x1b[2K"
	noWrap    = "\x1b[?7l"
	wrap      = "\x1b[?7h"
)

// line prints a line above the status.
func (s *Screen) Line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf(format, args...) + "\n"
	if s.status != "" {
		text = clearLine + text + noWrap + s.status + wrap
	}
	io.WriteString(s.out, text)
}

// setStatus replaces the status; an empty one removes it. Without a terminal there is none.
func (s *Screen) SetStatus(text string) {
	if !s.terminal {
		return
	}
	if s.parent != nil {
		s.parent.SetStatus(s.prefix + text)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == s.status {
		return
	}
	s.status = text
	io.WriteString(s.out, clearLine+noWrap+text+wrap)
}

// The colours that the display uses (SGR parameters).
const (
	bold  = "1"
	Dim   = "2"
	red   = "31"
	green = "32"
	amber = "33"
)

func (s *Screen) Paint(colour, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// pad fills text up to a width in characters. What was painted must be padded before.
func Pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
