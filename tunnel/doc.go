// Package tunnel carries connections and datagrams between gateways: from an application beside this gateway to an endpoint
// beside another one, over QUIC, on one UDP port.
//
//	identity, err := tunnel.LoadIdentity(files, "mesh.internal", self)
//	e, err := tunnel.New(tunnel.Config{Self: self, Identity: identity, Conn: socket, Backends: backends})
//	go e.Run(ctx)
//	e.Learn(west, addresses)                        // from now on there is a link to west
//	conn, by, err := e.Open(ctx, target, candidates) // a net.Conn to the best candidate that answers
//
// # The life of a link
//
// A link is the way to one other gateway: a control connection, and data connections beside it, so that bulk data never
// delays gossip or heartbeats.
//
//	 dial ─▶ TLS 1.3, both sides ─▶ hello, answer ─▶ UP ◀──────── 3 beats in time ──────────┐
//	  ▲      each verifies the      each side's      │ ▲                                    │
//	  │      other's SPIFFE ID      instance         │ └── SUSPECT: beats overdue, here ────┤
//	  │                                              │     or there; no new streams         │
//	back-off, for ever                               └───▶ DOWN: silence of half a second ──┘
//	  ▲                                                    and more; its streams are reset
//	  └──── connection closed: farewell, restarted, timeout, certificate
//
// Both sides dial. Crossing dials, and connections of an instance that is gone, are settled by a rule that both sides
// apply alike (pedigree); what loses is closed some seconds later. Who dialled the control connection also dials the data
// connections, so a gateway that can't be dialled is reached over the connections that it dialled itself. One data
// connection is warm as soon as the link is up; busy links get more.
//
// A beat goes each way every 50 ms ([Config].Heartbeat) while the link is used or attended to ([Endpoint.Attend]), and each
// second otherwise. It says how well the sender hears the receiver, so a cut in one direction is known at both ends. The
// detector behind it is pure, adapts to loss and jitter, and isn't charged with stalls of our own process. Its verdict is a
// local and reversible opinion for routing: it never changes membership. QUIC's idle timeout (5 s) is far too slow for a
// link in use; of one that nobody uses it is what ends first.
//
// # The life of a stream
//
//	application        gateway here                        gateway there           endpoint
//	    │── connect ──▶ front: rank candidates                   │                     │
//	    │                 │── header: service, port, caller ────▶│ may it? who's ready?│
//	    │                 │   (silence: hedge, next candidate)   │────── connect ─────▶│
//	    │                 │◀──────────────── connected ──────────│                     │
//	    │◀════════════════╪══════ bytes, half-closes, resets ════╪════════════════════▶│
//
// Until "connected" not one byte of the application's is sent to anybody. So Open may try as many candidates as it likes,
// several at a time, and nothing is ever done twice. A refusal makes it try the next candidate at once, silence after the
// hedge delay, which follows from the RTT and from how long answers took before. After "connected" the stream belongs to
// the application: when the link goes down, its connection is reset, and never hangs.
//
// # The life of a flow
//
// A UDP service has no connections, so a front makes a flow of what comes from one address. A flow is a stream with another
// protocol in its header: identity, refusals, limits, hedging, drain and the link's verdict are the same.
//
//	application        gateway here                          gateway there             endpoint
//	    │── datagram ──▶ front: a new client? rank               │                         │
//	    │── datagram ──▶   │── header: service, port, caller ───▶│ may it? who's ready?    │
//	    │   (8 wait)       │◀───────────────── connected ────────│ a connected socket      │
//	    │                  │══ QUIC datagram: stream's id ══════▶│────────────────────────▶│
//	    │◀─────────────────│◀═══════════ QUIC datagram ══════════│◀────────────────────────│
//	    │                  │── on the stream, if too large ─────▶│────────────────────────▶│
//	    ┊    (idle)        │── end of the stream ───────────────▶│ closed                  ┊
//
// Datagrams are QUIC's on the connection of the stream, so nothing is sent twice and nothing waits behind what was lost. A
// queue before quic-go's own drops what is too much or too old, since that one blocks all flows once it is full. What doesn't
// fit a QUIC datagram goes on the flow's stream; the one order that can change is between such a one and a small one.
//
// A flow ends when its client and endpoint were silent for a while: seconds after an exchange such as DNS's, a minute after a
// conversation (patienceWithFlow). It ends too when the link goes down, the peer leaves, or the endpoint goes away, and then
// the client's next datagram opens another one, to whoever is best by then: what was under way is lost, and no more.
//
// That nobody listens at an endpoint shows only when a datagram is there (packetBackend). As long as nothing was answered,
// what was said so far is said to the next endpoint, and then to the next cluster: none of it was heard. Otherwise a datagram is
// never sent again, because a lost answer looks like a lost question.
//
// # Rules
//
//   - A peer is what its certificate says. The certificate is verified again while a connection lives, and connections are
//     replaced before it ends, new before old: who renews in time loses nothing.
//   - A gateway dials only endpoints of services that it exports: never an address that a peer names.
//   - What a peer can take is bounded: streams, those of them that are flows, streams without a header, control streams,
//     bytes in flight. What is over a limit is refused, and other peers don't notice.
//   - Send never blocks and never fails: the ring calls it from goroutines that must not wait, and takes an error for a
//     reason to give a probe up. Dialling happens elsewhere.
//   - A packet that can't be sent or received is lost, whatever the kernel says of it; it never ends a connection.
//   - Nobody waits for a datagram to be sent. Every queue of them is bounded, and drops its oldest and counts it.
//   - Every wait ends: handshake, hello, header, dialling an endpoint, opening, a flow that nobody uses.
//
// The heartbeat is datagrams of our own, and not QUIC's PING frames, since those tell nothing about the other direction.
// Beats rather than ping and echo halve the packets where both sides use the link. The alternatives that the detector beat
// are in its file.
//
// quic-go writes a warning to the standard logger where the kernel allows only small socket buffers. A program sets
// QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true in its environment before Run to keep that from its users.
package tunnel
