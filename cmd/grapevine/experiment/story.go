package experiment

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// story is what happened, in order: it is printed while it happens and kept for the report.
type story struct {
	screen *Screen
	begun  time.Time

	mu       sync.Mutex
	events   []chaos.Event
	problems []string
}

// maxEvents bounds a story that goes on for days.
const maxEvents = 5000

func (s *story) tell(at time.Time, kind chaos.EventKind, format string, args ...any) {
	event := chaos.Event{At: chaos.MillisOf(at.Sub(s.begun)), Kind: kind, Text: fmt.Sprintf(format, args...)}
	s.mu.Lock()
	if len(s.events) < maxEvents {
		s.events = append(s.events, event)
	}
	s.mu.Unlock()
	sign, colour := signOf(kind)
	s.screen.Line("%s  %s", clock(at.Sub(s.begun)), s.screen.Paint(colour, sign+" "+event.Text))
}

// problem remembers something that only the demo can know, such as a process that ended by itself.
func (s *story) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// told returns copies of all problems so far, and of all events in their order: some are heard of late.
func (s *story) told() ([]chaos.Event, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := append([]chaos.Event{}, s.events...)
	slices.SortStableFunc(events, func(a, b chaos.Event) int { return cmp.Compare(a.At, b.At) })
	return events, append([]string{}, s.problems...)
}

func signOf(kind chaos.EventKind) (sign, colour string) {
	switch kind {
	case chaos.FaultEvent, chaos.DeathEvent:
		return "✗", bold + ";" + red
	case chaos.HealEvent:
		return "✓", bold + ";" + green
	case chaos.ReturnEvent:
		return "  ↑", green
	}
	return "  ↓", amber
}

// clock prints a time of the story in a fixed width.
func clock(at time.Duration) string { return fmt.Sprintf("%7.1fs", at.Seconds()) }
