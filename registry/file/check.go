package file

import (
	"cmp"
	"net/url"
	"strings"
	"time"
)

// check is how the endpoints of a service are found ready.
type check struct {
	path              string // empty: connecting is enough
	interval, timeout time.Duration
	rise, fall        int
}

// The defaults of a check. A timeout is the longest that a hung endpoint can hold its clients up unnoticed, times fall.
const (
	defaultInterval = time.Second
	defaultTimeout  = time.Second
	defaultRise     = 1
	defaultFall     = 2
	minDuration     = 10 * time.Millisecond
	maxDuration     = time.Hour
)

func parseCheck(wrong *problems, key string, w *Check) check {
	if w == nil {
		w = &Check{}
	}
	c := check{path: w.HTTP, rise: cmp.Or(w.Rise, defaultRise), fall: cmp.Or(w.Fall, defaultFall)}
	c.interval = parseDuration(wrong, key+".interval", w.Interval, defaultInterval)
	c.timeout = parseDuration(wrong, key+".timeout", w.Timeout, min(defaultTimeout, c.interval))
	switch {
	case w.HTTP != "" && w.TCP:
		wrong.add(key, "http and tcp: want one of them")
	case w.HTTP != "" && !isPath(w.HTTP):
		wrong.add(key+".http", "%q: want a path, such as /healthz", w.HTTP)
	case c.timeout > c.interval:
		wrong.add(key+".timeout", "%q: longer than the interval %s", w.Timeout, c.interval)
	case c.rise < 1 || c.fall < 1:
		wrong.add(key, "rise %d, fall %d: want 1 or more", c.rise, c.fall)
	}
	return c
}

func parseDuration(wrong *problems, key, text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < minDuration || d > maxDuration {
		wrong.add(key, "%q: want %s to %s, such as 500ms", text, minDuration, maxDuration)
		return otherwise
	}
	return d
}

func isPath(text string) bool {
	_, err := url.ParseRequestURI(text)
	return err == nil && strings.HasPrefix(text, "/")
}
