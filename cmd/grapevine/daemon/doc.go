// Package daemon is one gateway: the only place where the parts meet.
//
//	d, err := daemon.New(cfg, daemon.Options{Sockets: daemon.Machine{}, Log: log})   // binds, starts nothing
//	err = d.Run(ctx)                                                                 // until asked to stop
//
// The wiring, as [New] builds it, from the bottom up. Arrows are the way of the data:
//
//	home: what is here        peers' links                       ring
//	configured or labelled    tunnel.Endpoint ◀── packets ──▶ gossip.Ring
//	       │                    │       ▲  │                      │
//	       │ own exports        │       │  │ up, suspect, down    │ alive, dead
//	       ▼                    │       │  └──────────┬───────────┘
//	registry.Store ◀─ frames ─ registry.Sync          ▼
//	       │                                       steer.go ── liveness ──┐
//	       └──────────────── entries ─────────────────────────────────────▼
//	                                                         registry.Atlas ▶ Directory (immutable)
//	                                                              │             │
//	            home: an address for each name ◀──────────────────┤             │ who can serve, in what order
//	                   │              │                           │             ▼
//	                   ▼              ▼                           │     tunnel.Fronts: app ▶ VIP ▶ stream ▶ peer
//	            dnsserver: name ▶ VIP                             └──▶ admin.go, metrics.go
//
// A home is where the gateway lives ([home]): a host, whose services are configured and whose VIPs are addresses of a range
// (registry/file), or a Kubernetes cluster, whose services are labelled and whose VIPs are those of derived Services
// (registry/kube). All else is the same for both.
//
// Rules:
//   - A part knows registry's words and the small interface that it declares; it is given its sockets, its logger and its
//     neighbours here.
//   - What the answers depend on (entries, members, links, drains) is a level: a change sets a one-slot flag, and one
//     goroutine (steer) reads everything afresh. There is no queue of changes that could overflow or be applied out of order.
//   - Sockets come from [Sockets], so the very same gateway runs over a simulated network in virtual time.
//   - Certificates are looked at every few seconds rather than watched: a watch needs a system call that virtual time can't
//     see, breaks on some volumes, and would save seconds of a day-long validity.
package daemon
