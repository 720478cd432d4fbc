// Package kube is the source of services inside Kubernetes, and what the mesh's services become there.
//
//	Services, EndpointSlices, ServiceExports          derived Services, EndpointSlices, ServiceImports
//	               │                                                   ▲
//	               ▼                                                   │
//	informers ──▶ convert ──▶ []registry.Own ──▶ mesh ──▶ directory ──▶ plan ──▶ server-side apply
//
// It is the only package that knows Kubernetes' libraries. It knows nothing of gossip and tunnels: others tell it which
// gateways of its cluster live, and on which ports this one listens.
//
// # Watching and exporting
//
//	watch, err := kube.NewWatch(kube.WatchConfig{Client: client, Namespace: "grapevine", MCS: true, Log: log})
//	source, err := kube.NewSource(kube.SourceConfig{Watch: watch, Self: self, OnChange: publish, First: first, Log: log})
//	address, err := kube.NewAddress(kube.AddressConfig{Watch: watch, Pod: "grapevine-0", NodeIP: node, Port: 7946})
//	err = watch.Run(ctx); err = source.Run(ctx)       // each in a goroutine
//
//	 API server      one for each kind                                        one goroutine
//	 list, watch ──▶ reflector ──▶ view, guarded ──▶ lists for all parts
//	                                  │       │
//	                                  │       └─▶ levels, by topic ──▶ who has to look again
//	                                  └─▶ journal: names of services ──50 ms──▶ convert ──▶ hold ──▶ []registry.Own
//	                                                                                └─▶ verdicts ──▶ log, Events, conditions
//
// What is known of the cluster outlives the API server. The rules:
//
//   - Nothing is reported before everything is known. That the ServiceExport resource is missing counts as knowing it once the
//     API server says so; it may be installed later.
//   - What the watch says is deleted is deleted. What is missing in a list stays until a second list, ten seconds later and
//     read from etcd, lacks it too. An error is no answer, whichever it is, and changes nothing.
//   - Withdrawals that would leave a cluster of several exports without any are held for ten seconds, and told.
//   - A watch that ended before its time is followed by a list. It may have ended because etcd was restored: what was lost is
//     told to nobody, and a watch from a version that isn't reached again yet hears nothing for as long.
//   - Bad input exports nothing and says why: in the log, in an Event on the object, in the ServiceExport's conditions. No
//     annotation that is written wrongly has a default, and none of ours is unknown.
//   - An endpoint counts once, whatever its families. One that ends but still serves counts no longer, so that callers go
//     elsewhere in time; those who come all the same are served, where no other endpoint is ready.
//   - A service is converted again only when something of its own has changed.
//
// client-go's informers were the alternative to reflectors with a store of ours. They keep a second copy of no use here, and have
// lost an object by the time that they say how (DeletedFinalStateUnknown), so that guarding it would take a third.
package kube
