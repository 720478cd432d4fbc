package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

func membersCommand() *cobra.Command {
	return askCommand("members", "Print the gateways of the mesh, as the ring and the link to each see them", http.MethodGet, "/v1/members",
		func(t *table, members []daemon.Member) {
			t.row("GATEWAY", "STATE", "FOR", "LINK", "RTT", "ADDRESSES")
			for _, m := range members {
				link, rtt := "self", ""
				if m.Link != nil {
					link, rtt = m.Link.State, roundTrip(m.Link.RTTms)
				}
				t.row(m.Gateway, m.State, ago(m.Since), link, rtt, strings.Join(m.Addresses, ","))
			}
		})
}

func linksCommand() *cobra.Command {
	return askCommand("links", "Print the links from a gateway to the others", http.MethodGet, "/v1/links",
		func(t *table, links []daemon.Link) {
			t.row("GATEWAY", "STATE", "FOR", "RTT", "STREAMS", "LAST USED", "REASON")
			for _, l := range links {
				used := "never"
				if l.LastOpened != nil {
					used = ago(*l.LastOpened) + " ago"
				}
				state := l.State
				if l.Draining {
					state += ", draining"
				}
				t.row(l.Gateway, state, ago(l.Since), roundTrip(l.RTTms), l.Streams, used, l.Reason)
			}
		})
}

func servicesCommand() *cobra.Command {
	return askCommand("services", "Print the services of the mesh, and who can serve them now", http.MethodGet, "/v1/services",
		func(t *table, services []daemon.Service) {
			t.row("SERVICE", "VIP", "PORTS", "CLUSTERS")
			for _, s := range services {
				var ports, clusters []string
				for _, p := range s.Ports {
					ports = append(ports, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
				}
				for _, c := range s.Clusters {
					text := fmt.Sprintf("%s (%d ready)", c.Cluster, c.Ready)
					if !c.Eligible {
						text = fmt.Sprintf("%s (out)", c.Cluster)
					}
					clusters = append(clusters, text)
				}
				t.row(s.DNS, s.VIP, strings.Join(ports, ","), strings.Join(clusters, ", "))
			}
		})
}

func roundTrip(ms float64) string {
	if ms == 0 {
		return ""
	}
	return fmt.Sprintf("%.1fms", ms)
}
