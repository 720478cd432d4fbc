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
//	       udp.go, tcp.go            wire.go                 answer.go         grammar.go, name.go, resolve.go
//	packet ──────────────► screen by header ──► Msg ──► EDNS, class, zone ──► labels ──► target
//	                        │ FORMERR NOTIMP │             │ REFUSED BADVERS              │ directory
//	reply  ◄────────────── cut to size, pack ◄──── SOA, rcode, extended error ◄──── records, existence
//
// # Grammar of names
//
// A zone is a suffix and a grammar: below the suffix, from right to left, each name has one meaning, so that no export can take
// another one's name. All else is the same code for both zones.
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
// The second zone, off unless it is configured, is that of the Multi-Cluster Services API (clusterset.local; schema 1.0.0 of
// KEP-1645's specification). It knows federated exports that a ServiceExport made, and no others:
//
//	<zone>, ns.<zone>                                 as above
//	dns-version.<zone>                                TXT "1.0.0"
//	svc.<zone>, <ns>.svc.<zone>                       nothing; the latter if a service of the namespace is exported
//	<svc>.<ns>.svc.<zone>                             A, AAAA; SRV of all named ports
//	<cluster>.<svc>.<ns>.svc.<zone>                   nothing, if hosts have names below it
//	<hostname>.<cluster>.<svc>.<ns>.svc.<zone>        A, AAAA of one ready endpoint of a headless service
//	_<port>._<proto>.<svc>.<ns>.svc.<zone>            SRV of a named port
//	_<proto>.<svc>.<ns>.svc.<zone>                    nothing, if there is such a port
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
//	outside the zones                REFUSED            REFUSED
//
// There is nothing to answer now where no cluster can serve the export, and at a service's name where clusters only mirror
// it. NODATA and NXDOMAIN carry the SOA, and may be kept for two seconds at most. Before the first synchronisation this
// cluster's own exports answer already, for they are known; only what others may have can't be denied. A service that a
// cluster exports, but not to ours, exists: denying it would make a policy look like a typing error. A headless service of
// the second zone is an exception, as its specification asks for NXDOMAIN where it has no ready endpoint.
//
// # Rules
//
//   - A flat export's name resolves to ready endpoints: of the first-ranked cluster alone (see reachable), at most eight,
//     rotated. A federated service is flat where all of its exports are.
//   - Host names exist for federated exports too, below their cluster's name. They resolve to the endpoint's addresses where
//     the export is flat; through gateways each host of a headless export has a VIP. SRV records of either have the hosts of
//     the first-ranked cluster as targets, where all have names. Where these are the endpoints' own addresses, the ports are
//     those that they listen on.
//   - A federated service has every port that one of its clusters has. Ports without a name have no SRV record. In the
//     first zone the service's own name has none either.
//   - In the second zone a service's type and ports are those of the union of its ServiceExports: where they disagree, the
//     oldest is right. The name of a headless service has the hosts of all clusters that can serve, one of each cluster in
//     turn and at most 24: own addresses where the export is flat, VIPs through gateways, and the service's VIP for a cluster
//     whose hosts have no names. Above 24 it is always the same ones that are left out, for A and AAAA must agree about them;
//     each keeps its own name. A host without a name is called by its address with dashes.
//   - The specification forbids a record at <cluster>.<svc>, and hosts have names below it. So it is NODATA where there are
//     hosts: NXDOMAIN would deny them too (RFC 8020). Where there are none it is NXDOMAIN.
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
