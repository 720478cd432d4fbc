package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnion(t *testing.T) {
	web := func(since int64, change func(*Export)) Export {
		e := export("web", 1)
		e.Since, e.MCS = since, &MCS{SessionAffinity: "None", IPFamilies: []string{"IPv4"}}
		e.Ports = []Port{{Name: "http", Port: 80, Protocol: TCP}}
		change(&e)
		return e
	}
	as := func(*Export) {}
	conflict := func(m Matter, dissent ...Cluster) []Conflict { return []Conflict{{m, dissent}} }
	for _, c := range []struct {
		what       string
		east, west Export
		oldest     Cluster
		ports      []Port
		headless   bool
		conflicts  []Conflict
	}{
		{"agreement", web(1, as), web(2, as), "east", []Port{{Name: "http", Port: 80, Protocol: TCP}}, false, nil},
		{"the oldest isn't the first by name", web(2, as), web(1, as), "west", []Port{{Name: "http", Port: 80, Protocol: TCP}}, false, nil},
		{"of one second: by name", web(1, as), web(1, as), "east", []Port{{Name: "http", Port: 80, Protocol: TCP}}, false, nil},
		{"an unknown age is the youngest", web(0, as), web(9, as), "west", []Port{{Name: "http", Port: 80, Protocol: TCP}}, false, nil},
		{"ports are joined", web(1, as), web(2, func(e *Export) { e.Ports = []Port{{Name: "sctp", Port: 142, Protocol: SCTP}} }), "east",
			[]Port{{Name: "http", Port: 80, Protocol: TCP}, {Name: "sctp", Port: 142, Protocol: SCTP}}, false, conflict(PortConflict, "west")},
		{"of one name the oldest's number", web(1, as), web(2, func(e *Export) { e.Ports[0].Port = 8080 }), "east",
			[]Port{{Name: "http", Port: 80, Protocol: TCP}}, false, conflict(PortConflict, "west")},
		{"of one number the oldest's name", web(2, as), web(1, func(e *Export) { e.Ports[0].Name = "www" }), "west",
			[]Port{{Name: "www", Port: 80, Protocol: TCP}}, false, conflict(PortConflict, "east")},
		{"headless", web(1, as), web(2, func(e *Export) { e.Headless = true }), "east",
			[]Port{{Name: "http", Port: 80, Protocol: TCP}}, false, conflict(TypeConflict, "west")},
		{"session affinity and a label", web(1, as), web(2, func(e *Export) {
			e.MCS.SessionAffinity, e.MCS.Labels = "ClientIP", map[string]string{"tier": "1"}
		}), "east", []Port{{Name: "http", Port: 80, Protocol: TCP}}, false,
			append(conflict(SessionAffinityConflict, "west"), conflict(LabelsConflict, "west")...)},
		{"one is only mirrored", web(2, as), web(1, func(e *Export) { e.Visibility, e.Headless = Mirrored, true }), "east",
			[]Port{{Name: "http", Port: 80, Protocol: TCP}}, false, nil},
	} {
		s := Service{Offers: []Offer{{Cluster: "east", Export: c.east}, {Cluster: "west", Export: c.west}}}
		u, ok := s.Union(func(*Export) bool { return true })
		require.True(t, ok, c.what)
		require.Equal(t, []any{c.oldest, c.ports, c.headless, c.conflicts}, []any{u.Oldest, u.Ports, u.Headless, u.Conflicts}, c.what)
	}
	_, ok := Service{Offers: []Offer{{Cluster: "east", Export: web(1, as)}}}.Union(func(e *Export) bool { return e.MCS == nil })
	require.False(t, ok, "nothing to join")
}
