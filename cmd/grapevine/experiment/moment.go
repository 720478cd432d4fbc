package experiment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// Moment is a cluster and when something happens to it, counted from the start of the clock: "west@15s". It is a flag that
// checks its value while the command line is parsed.
type Moment struct {
	Cluster  string
	At       time.Duration
	Timed    bool     // At was given
	Flag     string   // for messages
	Optional bool     // "west" alone will do
	Clusters []string // that there are; nil: it is too early to say
}

// String returns the form that Set reads.
func (m *Moment) String() string {
	if m.Timed {
		return m.Cluster + "@" + m.At.String()
	}
	return m.Cluster
}

// Set reads "west@15s".
func (m *Moment) Set(text string) error {
	cluster, at, timed := strings.Cut(text, "@")
	if err := m.known(cluster); err != nil {
		return err
	}
	if !timed && m.Optional {
		m.Cluster = cluster
		return nil
	}
	after, err := time.ParseDuration(at)
	if err != nil || after <= 0 {
		return fmt.Errorf("want a cluster and a time after the start, such as --%s %s@15s", m.Flag, cluster)
	}
	m.Cluster, m.At, m.Timed = cluster, after, true
	return nil
}

// Check refuses a cluster that isn't among those that there are.
func (m *Moment) Check(clusters []string) error {
	m.Clusters = clusters
	if m.Cluster == "" {
		return nil
	}
	if err := m.known(m.Cluster); err != nil {
		return Usagef("--%s: %v", m.Flag, err)
	}
	return nil
}

func (m *Moment) known(cluster string) error {
	if m.Clusters == nil || slices.Contains(m.Clusters, cluster) {
		return nil
	}
	example := m.Clusters[min(1, len(m.Clusters)-1)]
	return fmt.Errorf("no cluster %q; the clusters are %s, as in --%s %s@15s", cluster, strings.Join(m.Clusters, ", "), m.Flag, example)
}

// Type names the flag's value in the help.
func (m *Moment) Type() string { return "CLUSTER@TIME" }

// Choice is a flag that takes one of a few words.
type Choice struct {
	Value   string
	Words   []string
	Example string
}

// String returns the chosen word.
func (c *Choice) String() string { return c.Value }

// Set accepts one of the words.
func (c *Choice) Set(text string) error {
	if !slices.Contains(c.Words, text) {
		return fmt.Errorf("want one of %s, such as %s", strings.Join(c.Words, ", "), c.Example)
	}
	c.Value = text
	return nil
}

// Type names the flag's value in the help.
func (c *Choice) Type() string { return "WORD" }

// FaultFlag returns a flag for one of these faults.
func FaultFlag(kinds []chaos.FaultKind) *Choice {
	c := &Choice{Value: string(chaos.FaultKill), Example: "--fault kill"}
	for _, kind := range kinds {
		c.Words = append(c.Words, string(kind))
	}
	return c
}

// OutputFlag returns the flag that chooses between a table and JSON.
func OutputFlag() *Choice {
	return &Choice{Value: "table", Words: []string{"table", "json"}, Example: "-o json"}
}
