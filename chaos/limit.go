package chaos

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is a bound that no run may exceed, such as "longest=500ms" or "cut=10".
type Limit struct {
	Figure string
	Count  int64         // for failed, hung and cut
	Time   time.Duration // for the others
}

// ParseLimit reads what [Limit.String] writes.
func ParseLimit(text string) (Limit, error) {
	name, value, _ := strings.Cut(text, "=")
	if total(&Runs{}, name) != nil {
		count, err := strconv.ParseInt(value, 10, 64)
		if err != nil || count < 0 {
			return Limit{}, fmt.Errorf("%q: want a number, such as %s=0", text, name)
		}
		return Limit{Figure: name, Count: count}, nil
	}
	known := []string{"failed", "hung", "cut"}
	for _, f := range timeFigures() {
		if f.Name != name {
			known = append(known, f.Name)
			continue
		}
		duration, err := time.ParseDuration(value)
		if err != nil || duration <= 0 {
			return Limit{}, fmt.Errorf("%q: want a duration, such as %s=500ms", text, name)
		}
		return Limit{Figure: name, Time: duration}, nil
	}
	return Limit{}, fmt.Errorf("%q: want a figure and its bound, such as longest=1s; the figures are %s", text, strings.Join(known, ", "))
}

// String returns the form that [ParseLimit] reads.
func (l Limit) String() string {
	if l.Time == 0 {
		return fmt.Sprintf("%s=%d", l.Figure, l.Count)
	}
	return fmt.Sprintf("%s=%s", l.Figure, l.Time)
}

// check returns what is wrong with r, or nothing. A figure that no run has is within every limit: where there should have
// been one, the run itself names that as a problem.
func (l Limit) check(r *Runs) string {
	if count := total(r, l.Figure); count != nil && count.Max > l.Count {
		return fmt.Sprintf("limit %s: %d in the worst run", l, count.Max)
	}
	for _, f := range timeFigures() {
		if worst := f.spread(r).Max; f.Name == l.Figure && worst != nil && worst.Duration() > l.Time {
			return fmt.Sprintf("limit %s: %s in the worst run", l, *worst)
		}
	}
	return ""
}

func total(r *Runs, name string) *Total {
	switch name {
	case "failed":
		return &r.Failed
	case "hung":
		return &r.Hung
	case "cut":
		return &r.Cut
	}
	return nil
}
