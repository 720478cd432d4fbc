// Package tunnel carries connections between gateways: from an application beside this gateway to an endpoint beside
// another one, over QUIC, on one UDP port.
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
// second otherwise. It says how well
// the sender hears the receiver, so a cut in one direction is known at both ends. The detector behind it is pure, adapts to
// loss and jitter, and isn't charged with stalls of our own process. Its verdict is a local and reversible opinion for
// routing: it never changes membership. QUIC's idle timeout (5 s) is far too slow for a link in use; of one that nobody uses
// it is what ends first.
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
// # Rules
//
//   - A peer is what its certificate says. The certificate is verified again while a connection lives, and connections are
//     replaced before it ends, new before old: who renews in time loses nothing.
//   - A gateway dials only endpoints of services that it exports: never an address that a peer names.
//   - What a peer can take is bounded: streams, streams without a header, control streams, bytes in flight. What is over a
//     limit is refused, and other peers don't notice.
//   - Send never blocks and never fails: the ring calls it from goroutines that must not wait, and takes an error for a
//     reason to give a probe up. Dialling happens elsewhere.
//   - A packet that can't be sent or received is lost, whatever the kernel says of it; it never ends a connection.
//   - Every wait ends: handshake, hello, header, dialling an endpoint, opening.
//
// The heartbeat is datagrams of our own, and not QUIC's PING frames, since those tell nothing about the other direction.
// Beats rather than ping and echo halve the packets where both sides use the link. The alternatives that the detector beat
// are in its file.
//
// quic-go writes a warning to the standard logger where the kernel allows only small socket buffers. A program sets
// QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true in its environment before Run to keep that from its users.
package tunnel
