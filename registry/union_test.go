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
	conflict := func(m Matter, dissent Cluster) []Conflict {
		oldest := map[Cluster]Cluster{"east": "west", "west": "east"}[dissent]
		return []Conflict{{m, oldest, []Cluster{dissent}, 2}}
	}
	http := []Port{{Name: "http", Port: 80, Protocol: TCP}}
	for _, c := range []struct {
		what       string
		east, west Export
		oldest     Cluster
		ports      []Port
		headless   bool
		conflicts  []Conflict
	}{
		{"agreement", web(1, as), web(2, as), "east", http, false, nil},
		{"the oldest isn't the first by name", web(2, as), web(1, as), "west", http, false, nil},
		{"of one second: by name", web(1, as), web(1, as), "east", http, false, nil},
		{"an unknown age is the youngest", web(0, as), web(9, as), "west", http, false, nil},
		{"ports are joined", web(1, as), web(2, func(e *Export) { e.Ports = []Port{{Name: "sctp", Port: 142, Protocol: SCTP}} }), "east",
			[]Port{{Name: "http", Port: 80, Protocol: TCP}, {Name: "sctp", Port: 142, Protocol: SCTP}}, false, conflict(PortConflict, "west")},
		{"of one name the oldest's number", web(1, as), web(2, func(e *Export) { e.Ports[0].Port = 8080 }), "east",
			http, false, conflict(PortConflict, "west")},
		{"of one number the oldest's name", web(2, as), web(1, func(e *Export) { e.Ports[0].Name = "www" }), "west",
			[]Port{{Name: "www", Port: 80, Protocol: TCP}}, false, conflict(PortConflict, "east")},
		{"headless", web(1, as), web(2, func(e *Export) { e.Headless = true }), "east",
			http, false, conflict(TypeConflict, "west")},
		{"session affinity and a label", web(1, as), web(2, func(e *Export) {
			e.MCS.SessionAffinity, e.MCS.Labels = "ClientIP", map[string]string{"tier": "1"}
		}), "east", http, false,
			append(conflict(SessionAffinityConflict, "west"), conflict(LabelsConflict, "west")...)},
		{"of two kinds of affinity the seconds aren't compared", web(1, as), web(2, func(e *Export) {
			e.MCS.SessionAffinity, e.MCS.SessionAffinitySeconds = "ClientIP", 10
		}), "east", http, false, conflict(SessionAffinityConflict, "west")},
		{"of one kind of affinity they are", web(1, as), web(2, func(e *Export) { e.MCS.SessionAffinitySeconds = 10 }), "east",
			http, false, conflict(SessionAffinityConfigConflict, "west")},
		{"the policies of traffic", web(1, as), web(2, func(e *Export) {
			e.MCS.InternalTrafficPolicy, e.MCS.TrafficDistribution = "Local", "PreferClose"
		}), "east", http, false,
			append(conflict(InternalTrafficPolicyConflict, "west"), conflict(TrafficDistributionConflict, "west")...)},
		{"an application protocol is part of a port", web(1, as), web(2, func(e *Export) { e.Ports[0].AppProtocol = "http" }), "east",
			http, false, conflict(PortConflict, "west")},
		{"families don't matter through gateways", web(1, as), web(2, func(e *Export) { e.MCS.IPFamilies = []string{"IPv6"} }), "east",
			http, false, nil},
		{"families matter where clients go to endpoints", web(1, as), web(2, func(e *Export) {
			e.Reach, e.MCS.IPFamilies = Flat, []string{"IPv6"}
		}), "east", http, false, conflict(IPFamilyConflict, "west")},
		{"a label says nothing of affinity", web(1, func(e *Export) { e.MCS = nil }), web(2, func(e *Export) { e.MCS.SessionAffinity = "ClientIP" }),
			"east", http, false, nil},
		{"a label speaks of ports", web(1, func(e *Export) { e.MCS = nil }), web(2, func(e *Export) { e.Ports[0].Port = 81 }), "east",
			http, false, conflict(PortConflict, "west")},
		{"one is only mirrored", web(2, as), web(1, func(e *Export) { e.Visibility, e.Headless = Mirrored, true }), "east",
			http, false, nil},
	} {
		s := Service{Offers: []Offer{{Cluster: "east", Export: c.east}, {Cluster: "west", Export: c.west}}}
		u, ok := s.Union(func(*Export) bool { return true })
		require.True(t, ok, c.what)
		require.Equal(t, []any{c.oldest, c.ports, c.headless, c.conflicts}, []any{u.Oldest, u.Ports, u.Headless, u.Conflicts}, c.what)
	}
	_, ok := Service{Offers: []Offer{{Cluster: "east", Export: web(1, as)}}}.Union(func(e *Export) bool { return e.MCS == nil })
	require.False(t, ok, "nothing to join")
}

func TestUnionOfServiceExportsAndLabels(t *testing.T) {
	by := func(cluster Cluster, since int64, mcs *MCS) Offer {
		e := export("web", 1)
		e.Since, e.MCS = since, mcs
		return Offer{Cluster: cluster, Export: e}
	}
	s := Service{Offers: []Offer{by("east", 1, nil), by("north", 3, &MCS{SessionAffinity: "None"}), by("west", 2, &MCS{SessionAffinity: "ClientIP"})}}
	u, ok := s.Union(func(*Export) bool { return true })
	require.True(t, ok)
	require.Equal(t, Cluster("east"), u.Oldest)
	require.Equal(t, "ClientIP", u.MCS.SessionAffinity, "of the oldest that has a word on it")
	require.Equal(t, []Conflict{{SessionAffinityConflict, "west", []Cluster{"north"}, 2}}, u.Conflicts)
}

func TestServiceForACluster(t *testing.T) {
	by := func(cluster Cluster, allow ...Cluster) Offer {
		e := export("web", 1)
		e.Allow = allow
		return Offer{Cluster: cluster, Export: e}
	}
	s := Service{Offers: []Offer{by("east", "north"), by("north"), by("west", "south")}}
	clusters := func(caller Cluster) (all []Cluster) {
		for _, o := range s.For(caller).Offers {
			all = append(all, o.Cluster)
		}
		return all
	}
	require.Equal(t, []Cluster{"east", "north"}, clusters("north"))
	require.Equal(t, []Cluster{"east", "north"}, clusters("east"), "its own, whomever it allows")
	require.Len(t, s.Offers, 3)
}
