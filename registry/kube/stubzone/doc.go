// Package stubzone points a cluster's DNS at Grapevine: names in a zone of ours are asked of the gateways.
//
//	found, err := stubzone.Look(ctx, client.Core)                  // what this cluster has of DNS
//	plan, err := stubzone.Decide(found, options)                   // pure: objects in, changes and words out
//	plan, err = stubzone.Apply(ctx, client, options)               // both, and then writes
//
// # Idea
//
// Pods keep asking the server that they ask for everything. That one is told to forward our zones, in the place where its
// distribution wants to be told:
//
//	Pod ──▶ NodeLocal DNSCache, where there is one ──▶ CoreDNS, or kube-dns ──▶ gateway 0, or gateway 1
//	          │ ConfigMap kube-dns: stubDomains          │ ConfigMap coredns: a block between two marks
//	          │                                          │ ConfigMap coredns-custom: a key, where CoreDNS imports it
//	          │                                          │ ConfigMap kube-dns: stubDomains
//	          └ or its own Corefile, where it reads      └ by hand: OpenShift, GKE with Cloud DNS, an EKS add-on
//	            no stubDomains
//
// # Rules
//
//   - What is ours is marked: by two comments in a Corefile, by the name of a key in coredns-custom, by an annotation where
//     the value is JSON. Nothing else is changed, not by a byte; what is removed leaves no trace.
//   - A zone that somebody else answers is refused, CoreDNS's own multicluster zones among them.
//   - A configuration that can't be read is refused: a CoreDNS that finds a mistake in it goes on with the old one, and
//     doesn't start the next time.
//   - The block takes port and bind from the block that Pods ask, which isn't on port 53 everywhere.
//   - Objects are written as they were read and changed (resourceVersion), or all is read and decided again.
//
// # How CoreDNS forwards
//
// Each gateway has a Service of its own, and is an address of the forward plugin, whose health check then leaves a dead one
// out. One Service over all gateways would pin CoreDNS's sockets to a dead one, and its health check to another. So that
// this is quick:
//
//	no cache             it would keep any answer for 5 s at least, that there is none too
//	max_fails 1          the second failed check counts (it is one more than that); with the default it is the third
//	health_check 0.1s    how soon that second check comes; the default is 0.5 s. Linux tells one host of a closed port about six
//	                     times at once and then once a second, so a check that comes later hears nothing and takes 1 s.
//	                     Checks are sent only while something is wrong
//	policy random        spreads the questions; all gateways answer alike. With sequential, the death of the first would hit
//	                     all questions, that of the second none: the same on average, and a worse worst case
//	expire 1s            a socket that nobody used is dropped soon: kube-proxy, or an eBPF load balancer, may have tied it to
//	                     a Pod that is gone
//	prefer_udp           what came over TCP (NodeLocal DNSCache always does) goes on over UDP, so a question has no
//	                     connection that could break, and a port that nobody listens on is said at once by ICMP
//	read_timeout 500ms   from CoreDNS 1.14.5 on; an earlier one refuses to start with it, so it is left out where neither the
//	                     image nor CoreDNS's own metrics tell the release. The default is 2 s
//
// What a gateway's death costs a cluster's questions, 50 a second, with two gateways: CoreDNS 1.15.0 in a real cluster. No
// question stays without an answer, as CoreDNS asks the other gateway when the first one's time is up:
//
//	                              the process ended               it is silent (SIGSTOP; like a dead node)
//	default options               half take 2.0 s, for 2.0 s      half take 2.0 s, for 6.0 s
//	these, health_check 0.5s      half take 2.0 s, for 1.3 s      half take 2.0 s, for 4.5 s
//	these                         nothing, or for 1.0 s           half take 2.0 s, for 4.1 s
//	these, policy sequential      as above, or nothing            all take 2.0 s, or none
//	these, and read_timeout       nothing                         half take 0.5 s, for 2.6 s
//
// The table was made before the gateways kept these Services' endpoints themselves (registry/kube/imports): since then another one
// answers in place of a dead gateway once its link is down and kube-proxy has looked again, and in place of one that leaves on
// purpose before it does.
//
// The time until a silent one is left out is that of the first question, and twice that of a check, which is 1 s and can't be
// set.
//
// NodeLocal DNSCache sends only the cluster's own zone to CoreDNS. It takes stub zones from the ConfigMap of kube-dns, also
// where CoreDNS runs, and writes its block for them itself, with a cache of 30 s. That costs nothing but a late first
// sight of new names, as VIPs stay; its own Corefile would do without the cache, but belongs to an addon manager that
// writes it again.
package stubzone
