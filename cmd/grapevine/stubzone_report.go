package main

import (
	"fmt"
	"strings"

	"github.com/grapevine-mesh/grapevine/registry/kube/stubzone"
)

// stubzoneReport is what `grapevine stubzone` prints.
type stubzoneReport struct {
	Provider  stubzone.Provider `json:"provider"`
	Zones     []string          `json:"zones"`
	To        []string          `json:"to"`
	Changes   []stubzoneChange  `json:"changes"`
	Applied   bool              `json:"applied"`
	Restarted bool              `json:"restarted"`
	Notes     []string          `json:"notes"`
	ByHand    string            `json:"by_hand,omitempty"`

	restart bool // asked for, and of use
}

type stubzoneChange struct {
	Object string `json:"object"`
	Action string `json:"action"`
	Diff   string `json:"diff"`
}

func (f *stubzoneFlags) report(plan stubzone.Plan) stubzoneReport {
	told := stubzoneReport{
		Provider: plan.Provider, Zones: f.options.Zones, To: []string{}, Changes: []stubzoneChange{}, Notes: append([]string{}, plan.Notes...),
		ByHand: plan.ByHand, Applied: f.apply && plan.ByHand == "", restart: f.restart && plan.Restart,
	}
	if f.options.Remove {
		told.Zones = []string{}
	}
	for _, to := range f.options.To {
		told.To = append(told.To, to.String())
	}
	for _, change := range plan.Changes {
		told.Changes = append(told.Changes, stubzoneChange{change.Name(), change.Action(), change.Diff()})
	}
	told.Restarted = told.Applied && told.restart
	return told
}

// text is the report for people.
func (r stubzoneReport) text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "DNS of this cluster: %s\n", r.Provider)
	if len(r.To) > 0 {
		fmt.Fprintf(&text, "%s to %s\n", strings.Join(r.Zones, ", "), strings.Join(r.To, ", "))
	}
	if r.ByHand != "" {
		fmt.Fprintf(&text, "\n%s\n", r.ByHand)
		return text.String()
	}
	for _, change := range r.Changes {
		fmt.Fprintf(&text, "\n%s", change.Diff)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&text, "\n%s\n", note)
	}
	fmt.Fprintf(&text, "\n%s\n", r.outcome())
	return text.String()
}

func (r stubzoneReport) outcome() string {
	switch {
	case len(r.Changes) == 0:
		return "Nothing to change: it is so already."
	case r.Restarted:
		return "Done, and CoreDNS is being started anew."
	case r.Applied:
		return "Done."
	case r.restart:
		return "Nothing was changed yet. With --apply it is, and CoreDNS is started anew."
	}
	return "Nothing was changed yet. With --apply it is."
}
