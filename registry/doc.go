// Package registry is what the mesh knows of who exports what, and who can serve it now.
//
//	atlas := registry.NewAtlas(self)
//	store, err := registry.NewStore(registry.StoreConfig{Self: self, Epoch: epoch, …, OnChange: atlas.Apply})
//	sync, err := registry.NewSync(registry.SyncConfig{Store: store, Peers: links})
//	go sync.Run(ctx)
//	store.Publish(exports)                                     // what this gateway's cluster offers
//	sync.SetPeers(alive); atlas.SetLiveness(liveness)          // what ring and links say
//	ways := atlas.Directory().Route(registry.VIPName{Service: name}, self.Cluster, pick)
//
// # Words
//
//	mesh               all clusters that trust one CA and gossip together
//	cluster            one Kubernetes cluster, or one group of hosts outside; its name is a DNS label
//	gateway            one running daemon; "cluster/name", such as east/grapevine-0
//	ring               the gossip ring of all gateways; its members are gateways
//	link               the connections between two gateways
//	export             a service that a cluster offers to the mesh
//	entry              one export as replicated: owner, epoch, sequence, content or withdrawal, signature
//	head               an owner's signed word on what all its entries are
//	federated service  the union of the exports with the same namespace and name
//	mirrored service   one cluster's export under the cluster's own name
//	VIP                the stable local address that a federated name resolves to
//	directory          the immutable snapshot that answers: what exists, who can serve it, in what order
//
// # Idea
//
// Each gateway writes its own entries and nobody else's, so there is never a conflict to resolve. What is replicated is
// what gateways export; whether they are alive isn't. So the death of a cluster changes one bit here, at once and locally,
// and no entry anywhere.
//
//	 Publish                                  the owner
//	    │ compare with what was said last
//	    ▼
//	 entry (epoch 7, seq 12) ─ signed ─┐
//	 head  (epoch 7, seq 13) ─ signed ─┤
//	                                   │ within 50 ms, one frame per peer; above 64 peers to a few, who pass it on
//	───────────────────────────────────┼──────────────────────────────────────────────────────────────────────────
//	                                   ▼                                                       everybody else
//	 inspect: decode, is it new, whose signature, from the future? ──▶ refused, counted; the rest goes on
//	                                   │
//	                                   ▼
//	 ledger of (owner, epoch 7) ◀── compared with a random peer every 5 s: root, lines, wants, bundles
//	   │            │
//	   │            └─ as the head says? then it is complete, and takes the place of epoch 6 in one step
//	   ▼
//	 Change ──▶ Atlas ──▶ Directory ◀── Liveness: member? link? synchronised? draining?
//	                          │
//	                          └──▶ Lookup, Route: names and tunnels read this, and nothing else
//
// # Laws
//
//   - Merging is idempotent, commutative and associative, whatever owners sign: of one service the newest entry of the
//     newest epoch stays. Equal roots are equal registries.
//   - What counts never goes backwards, and what was withdrawn doesn't come back: an older version never replaces a newer
//     one. A withdrawal is an entry like any other and lasts as long as its epoch, so it needs no timer. Who has withdrawn
//     many begins a new epoch without them.
//   - The head tells whether something is missing, whoever the entries came from. A new epoch counts once nothing is, so a
//     restarted gateway that exports what it exported changes nothing, and one that is late hides nothing.
//   - An epoch grows at every start, and never falls behind the clock ([LoadEpoch]). A gateway that meets entries in its own
//     name above its epoch, since a backup was restored, takes a higher one and says everything again.
//   - Only what the owner's certificate signed is stored or passed on, as the owner's own bytes: fields of a later version
//     survive gateways that don't know them. An entry that this version can't make sense of is kept, passed on, and not
//     served.
//   - An epoch has one certificate. A rotation is a new epoch, and an entry lives no longer than the certificate behind it.
//   - What is refused is counted by the peer who sent it. One poisoned entry stops no other, one owner no other owner; each
//     has a quota.
//   - The directory is compiled by the change: a new entry costs the path to one service, a new liveness nothing per service.
//
// # Alternatives
//
// An owner could have been a cluster, with its gateways electing a writer: fewer entries, and an election to get wrong. As
// it is, the directory counts a cluster once however many of its gateways export a service. Records merged field by field
// were tried elsewhere and back-filled whole fleets when a schema changed; here records are replaced as a whole. Kubernetes'
// resourceVersion isn't a version for others: restoring etcd rewinds it. memberlist could have carried the entries; what
// it has for that is a few KB/s for the whole ring, and a full exchange of at most 20 MiB.
package registry
