// Package gossip decides who is a member of the mesh: the ring of all gateways, kept by memberlist over the links that the
// gateways have anyway.
//
//	ring, err := gossip.New(gossip.Config{Self: self, Links: links, Signer: identity, Keyring: keyring, Seeds: seeds})
//	links.HandlePackets(ring.HandlePacket)      // what peers send us
//	links.HandleStreams(ring.HandleStream)
//	err = ring.Run(ctx)                         // until ctx ends; start waits for nobody
//	ring.Members()                              // who is there, who died, who left
//
// # The idea
//
// memberlist (SWIM with Lifeguard) spreads rumours and probes everybody in turn. It is a good judge and a poor network
// program: it takes an error for a fault of its own, a moved peer for an impostor and a split for the end of the others.
// So it sits between a transport that knows none of these things and a loop that doesn't believe them.
//
//	      seeds, resolved afresh      peers file
//	                │                     ▲ │
//	                ▼                     │ ▼
//	  ┌── rejoin: whoever is missed is tried, for ever ──┐
//	  │             │ Join                               │
//	  │       ┌─────▼──────┐  joined, gone   ┌──────┐    │ state
//	  │       │ memberlist ├────────────────▶│ view ├────┘
//	  │       └──▲───┬──▲──┘  suspect (log)  └──┬───┘
//	  │   guard: │   │  │ packets, streams      │ news
//	  │   signed?│   │  │                       ▼
//	  │       ┌──┴───▼──┴──┐              OnMember, Links.Learn
//	  │       │ transport  │
//	  │       └──┬──────▲──┘ by name; an outbox per peer
//	Connect      │      │
//	  │          ▼      │ HandlePacket, HandleStream
//	  └───────▶ Links (proven identity at the other end)
//
// # Who may say what
//
// A member announces itself with signed metadata: when it started, where it can be dialled, which certificate signed. The
// guard verifies each announcement on every path that it can come by; a certificate of west can't announce east. The
// address that memberlist keeps for a member is a function of its name, so that a gateway which moved is the same
// member.
//
// What members say of one another's health is not signed. Most false accusations are refuted before they are told; one
// that can't be (its incarnation number is the highest there is) makes the ring give up a healthy member for half a
// minute. It stays suspect, and isn't told dead, for everybody whose own link to it works.
//
// # Life of a member
//
//	         probes unanswered             given up            stood for 1.2 s
//	alive ──────────────────────▶ suspect ──────────▶ (suspect) ──────────────▶ dead ──▶ tried again every 2 s
//	  ▲                              │                    │                       │
//	  └──── refuted, or came back ───┴────────────────────┴───────────────────────┘
//	alive ── farewell over its link, then gone ──▶ left ──▶ tried now and then
//
// A death takes 5 to 10 seconds to be known everywhere, for round trips up to 300 ms and 5 % loss, and in 30 minutes of
// that weather nobody healthy is declared dead. Routing doesn't wait for it: links have a quicker detector of their own,
// which may be wrong.
//
// # Rules
//
//   - The transport never reports an unreachable peer and never waits: silence is what failure detection is made of.
//   - A split heals within seconds however long it lasted. Nobody is ever given up: those who died are tried every two
//     seconds, those who left twice a minute, and every peer ever met is kept on disk.
//   - What we see ourselves counts for more than what others say: nobody is dead whose link to us is up.
//   - memberlist's callbacks run under its lock. They copy and return; what follows happens on goroutines of ours.
//   - The newest process of a name has it, here as on the links and in the registry. The older one stops with a
//     [ConflictError].
//   - No user data rides on the ring: memberlist has a few KB/s for all of it, and loses messages of equal length when
//     several members die together.
//   - All that comes from the network or the disk is bounded before it is believed; the bounds stand beside what they
//     bound.
//
// Alternatives that lost: real addresses in memberlist (a pod that moved was refused for minutes); its own stream pings
// (streams and packets share a connection here, so they say the same) and compression; a merge delegate (one forged
// member would void a whole exchange); random member names as others use against the moved pod (phantoms, and no
// identity); a ring tuned for sub-second detection (declares gateways dead that were off the processor for 0.6 s).
package gossip
