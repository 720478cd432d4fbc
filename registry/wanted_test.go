package registry

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWanted(t *testing.T) {
	edited := func(edits ...func(*Export)) Export {
		e := export("web", 1)
		e.Visibility, e.Ports = Federated, []Port{{Name: "http", Port: 80, Protocol: TCP}}
		for _, edit := range edits {
			edit(&e)
		}
		return e
	}
	flat := func(e *Export) { e.Reach = Flat }
	both := func(e *Export) { e.Visibility = Both }
	mcs := func(e *Export) { e.MCS = &MCS{} }
	headless := func(e *Export) {
		e.Headless = true
		e.Endpoints = []Endpoint{{Hostname: "web-0"}, {Hostname: "web-1"}, {}}
	}
	ports := func(ports ...Port) func(*Export) { return func(e *Export) { e.Ports = ports } }
	for _, c := range []struct {
		what       string
		east, west Export
		every      bool
		want       string
	}{
		{"one name for all clusters", edited(), edited(), false, "web.shop 80/TCP"},
		{"every number and protocol once", edited(), edited(ports(Port{"http", 8080, TCP, ""}, Port{"u", 80, UDP, ""}, Port{"s", 80, SCTP, ""})), false,
			"web.shop 80/TCP 8080/TCP 80/UDP"},
		{"a mirrored service has its cluster's name", edited(), edited(both), false, "web.shop 80/TCP, west.web.shop 80/TCP"},
		{"flat ones need none", edited(flat), edited(flat, both), false, ""},
		{"one gateway, and all go by the VIP", edited(), edited(flat, ports(Port{"http", 8080, TCP, ""})), false, "web.shop 80/TCP 8080/TCP"},
		{"by a ServiceExport they need one", edited(flat, mcs), edited(flat), true, "web.shop 80/TCP"},
		{"but not headless ones", edited(flat, mcs, headless), edited(flat, mcs, headless), true, ""},
		{"each host has a name", edited(headless), edited(flat), false, "web-0.east.web.shop 80/TCP, web-1.east.web.shop 80/TCP, web.shop 80/TCP"},
	} {
		a := NewAtlas(Gateway{"east", "e-0"})
		a.Apply(exporting(c.east, Gateway{"east", "e-0"}))
		a.Apply(exporting(c.west, Gateway{"west", "w-0"}))
		var names []string
		for name, ports := range a.Directory().Wanted(c.every) {
			line := name.String()
			for _, port := range ports {
				line += fmt.Sprintf(" %d/%s", port.Port, port.Protocol)
			}
			names = append(names, line)
		}
		slices.Sort(names)
		require.Equal(t, c.want, strings.Join(names, ", "), c.what)
	}
}
