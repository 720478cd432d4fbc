// Package dnsserver answers DNS questions about what the mesh exports.
//
//	server, err := dnsserver.New(dnsserver.Config{Zone: "federated", TTL: 5 * time.Second, Self: "east", Directory: …, VIPs: …})
//	err = server.Run(ctx, packets, streams)      // a bound UDP socket and a TCP listener
//
//	$ dig @127.0.0.1 -p 8053 web.shop.federated +short
//	127.80.3.7
//
// # Idea
//
// An answer is a pure function of a question and one directory; no answer waits for another gateway. Sockets are a thin
// shell round it. Names resolve to VIPs, addresses that stay as long as the service does, so that a cache can't hurt:
// failover happens behind the VIP.
//
//	       udp.go, tcp.go            wire.go                 answer.go              name.go, resolve.go
//	packet ──────────────► screen by header ──► Msg ──► EDNS, class, zone ──► labels ──► target
//	                        │ FORMERR NOTIMP │             │ REFUSED BADVERS              │ directory
//	reply  ◄────────────── cut to size, pack ◄──── SOA, rcode, extended error ◄──── records, existence
//
// # Grammar of names
//
// Below the zone, from right to left, each name has one meaning, so that no export can take another one's name:
//
//	<zone>                                            SOA, NS
//	ns.<zone>                                         A, AAAA of this server: no service has a name of one label
//	<ns>.<zone>                                       nothing, if a service of the namespace is exported
//	<svc>.<ns>.<zone>                                 A, AAAA of a federated service
//	<cluster>.<svc>.<ns>.<zone>                       A, AAAA of one cluster's export, where it is mirrored
//	<hostname>.<cluster>.<svc>.<ns>.<zone>            A, AAAA of one endpoint of a headless export
//	_<port>._<proto>.[<cluster>.]<svc>.<ns>.<zone>    SRV of a named port; proto is tcp or udp
//	_<proto>.[<cluster>.]<svc>.<ns>.<zone>            nothing, if there is such a port
//
// # What is said of a name
//
//	                                 synchronised       not yet
//	has records of the type          NOERROR            NOERROR
//	has records of other types       NODATA             NODATA
//	a namespace, or a protocol       NODATA             NODATA
//	exported, no VIP listened on yet SERVFAIL, EDE 14   SERVFAIL, extended error 14 (Not Ready)
//	exported, nothing to answer now  NODATA             SERVFAIL, extended error 14 (Not Ready)
//	not exported                     NXDOMAIN           SERVFAIL, extended error 14 (Not Ready)
//	not of the grammar               NXDOMAIN           NXDOMAIN
//	outside the zone                 REFUSED            REFUSED
//
// There is nothing to answer now where no cluster can serve the export, and at a service's name where clusters only mirror
// it. NODATA and NXDOMAIN carry the SOA, and may be kept for two seconds at most. Before the first synchronisation this
// cluster's own exports answer already, for they are known; only what others may have can't be denied. A service that a
// cluster exports, but not to ours, exists: denying it would make a policy look like a typing error.
//
// # Rules
//
//   - A flat export's name resolves to ready endpoints: of the first-ranked cluster alone (see reachable), at most eight,
//     rotated. A federated service is flat where all of its exports are.
//   - Host names exist for federated exports too, below their cluster's name. They resolve to the endpoint's addresses where
//     the export is flat; through gateways each host of a headless export has a VIP. SRV records of either have the hosts of
//     the first-ranked cluster as targets, where all have names.
//   - A federated service has every port that one of its clusters has. Ports without a name have no SRV record. The bare
//     name has none either.
//   - What we have no records of (HTTPS, SVCB, MX, …) is NODATA, never an error: resolvers give up on errors. ANY is
//     answered with one HINFO record (RFC 8482).
//   - Zone transfers, and classes other than IN, are refused; other opcodes are not implemented. Responses and what is
//     shorter than a header are dropped, so that no loop can start.
//   - A reply over UDP has at most 1,232 bytes, or what the client takes, or 512 without EDNS. Additional records are left
//     out first; an answer that doesn't fit is left out whole, with TC.
//   - The work for a packet is bounded by the packet. TCP connections are bounded in number and in idle time, not in
//     queries.
//
// This is the plain path, by way of messages that miekg/dns parses and packs; [Server.Respond] is where a zone of
// ready-packed replies can stand before it.
package dnsserver
