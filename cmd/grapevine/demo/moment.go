package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// moment is a cluster and when something happens to it, counted from the start of the clock: "west@15s".
type moment struct {
	Cluster  string
	At       time.Duration
	flag     string // for messages
	timed    bool   // At was given
	optional bool   // "west" alone will do
}

// String, Set and Type make a moment a flag that checks its value while the command line is parsed.
func (m *moment) String() string {
	if m.timed {
		return m.Cluster + "@" + m.At.String()
	}
	return m.Cluster
}

// Set reads "west@15s".
func (m *moment) Set(text string) error {
	cluster, at, timed := strings.Cut(text, "@")
	if !slices.Contains(clusterNames(), cluster) {
		return fmt.Errorf("no cluster %q; the clusters are %s, as in --%s west@15s", cluster, strings.Join(clusterNames(), ", "), m.flag)
	}
	if !timed && m.optional {
		m.Cluster = cluster
		return nil
	}
	after, err := time.ParseDuration(at)
	if err != nil || after <= 0 {
		return fmt.Errorf("want a cluster and a time after the start, such as --%s %s@15s", m.flag, cluster)
	}
	m.Cluster, m.At, m.timed = cluster, after, true
	return nil
}

// Type names the flag's value in the help.
func (m *moment) Type() string { return "CLUSTER@TIME" }

// choice is a flag that takes one of a few words.
type choice struct {
	value   string
	words   []string
	example string
	later   []string // words that only a cluster of Kubernetes can mean
}

// String returns the chosen word.
func (c *choice) String() string { return c.value }

// Set accepts one of the words.
func (c *choice) Set(text string) error {
	if slices.Contains(c.later, text) {
		return fmt.Errorf("%s needs Kubernetes contexts, which this version does not support yet; on this machine there are %s", text, strings.Join(c.words, ", "))
	}
	if !slices.Contains(c.words, text) {
		return fmt.Errorf("want one of %s, such as %s", strings.Join(c.words, ", "), c.example)
	}
	c.value = text
	return nil
}

// Type names the flag's value in the help.
func (c *choice) Type() string { return "WORD" }
