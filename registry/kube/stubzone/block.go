package stubzone

import (
	"fmt"
	"strings"
)

// What stands between these two lines of a Corefile is ours, and nothing else is.
const (
	beginMark = "# grapevine: begin"
	endMark   = "# grapevine: end"
)

// block is the server block that sends zones to Grapevine.
type block struct {
	zones   []string
	servers []string
	port    string   // where the Pods' questions come in
	bind    []string // addresses that the other blocks are bound to; none: all
	quick   bool     // this CoreDNS knows read_timeout
}

// lines returns the block. The package's doc tells what each option is for. There is no cache: CoreDNS's would keep any
// answer for at least 5 s, also that something doesn't exist.
func (b block) lines() []string {
	var keys []string
	for _, zone := range b.zones {
		keys = append(keys, zone+":"+b.port)
	}
	lines := []string{beginMark, strings.Join(keys, " ") + " {", "    errors"}
	if len(b.bind) > 0 {
		lines = append(lines, "    bind "+strings.Join(b.bind, " "))
	}
	lines = append(lines,
		"    forward . "+strings.Join(b.servers, " ")+" {",
		"        prefer_udp",
		"        policy random",
		"        max_fails 1",
		"        health_check 0.1s",
		"        expire 1s",
	)
	if b.quick {
		lines = append(lines, "        read_timeout 500ms")
	}
	return append(lines, "    }", "}", endMark)
}

// String returns the block without a line feed at its end.
func (b block) String() string { return strings.Join(b.lines(), "\n") }

// put returns a Corefile with the block in it: where one of ours is, or else at the end.
func (b block) put(corefile string) (string, error) {
	begin, end, err := ours(corefile)
	switch {
	case err != nil:
		return "", err
	case begin < end && strings.HasSuffix(corefile[:end], "\n"):
		return corefile[:begin] + b.String() + "\n" + corefile[end:], nil
	case begin < end:
		return corefile[:begin] + b.String(), nil
	case corefile == "" || strings.HasSuffix(corefile, "\n"):
		return corefile + b.String() + "\n", nil
	}
	return corefile + "\n" + b.String(), nil
}

// without returns a Corefile without what is ours in it. What put added to a Corefile goes to the last byte.
func without(corefile string) (string, error) {
	begin, end, err := ours(corefile)
	if err != nil || begin == end {
		return corefile, err
	}
	before, region := corefile[:begin], corefile[begin:end]
	if !strings.HasSuffix(region, "\n") {
		before = strings.TrimSuffix(before, "\n")
	}
	return before + corefile[end:], nil
}

// ours returns from where to where a Corefile is ours, marks and the last one's line feed included.
func ours(corefile string) (begin, end int, err error) {
	at, begins, ends := 0, 0, 0
	for line := range strings.Lines(corefile) {
		switch strings.TrimSpace(line) {
		case beginMark:
			begin, begins = at, begins+1
		case endMark:
			end, ends = at+len(line), ends+1
		}
		at += len(line)
	}
	if begins > 1 || begins != ends || begins == 1 && end <= begin {
		return 0, 0, fmt.Errorf("its lines %q and %q aren't one pair; leave one before and one behind Grapevine's block, or take both out with it", beginMark, endMark)
	}
	return begin, end, nil
}
