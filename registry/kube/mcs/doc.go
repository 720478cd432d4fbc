// Package mcs serves the Multi-Cluster Services API (KEP-1645): it makes the mesh's services visible as ServiceImports, and tells
// what became of ServiceExports in their conditions.
//
//	m, err := mcs.New(mcs.Config{Client: client, Exports: …, Directory: …, VIP: importer.Lookup, First: first})
//	err = m.Run(ctx)
//
//	directory ─┐                                        ┌─▶ changes ─▶ queue ─▶ server-side apply
//	VIPs ──────┼─▶ facts ─▶ services ─▶ objects ─▶ plan ┤              (whose turn, since when)      │
//	verdicts ──┤                                        └─▶ what is others' stays                   │
//	objects ───┘◀───────────────────────────────────────────────────────────────────────────────────┘
//
// Each look decides everything anew from what is there, so nothing has to be remembered but since when a change is wished.
// All gateways of a cluster come to the same plan; the first of them writes, and the others only what it leaves undone.
//
// # Rules
//
//   - A service that some cluster exports by a ServiceExport has a ServiceImport in every cluster that has its namespace, the
//     exporting ones included. Its ports are those of all clusters, and where they disagree the oldest export is right
//     ([registry.Service.Union]); each disagreement is told in the conditions of all exports of the service.
//   - Its address is the VIP, which leads to this cluster's gateways. It doesn't change when clusters come and go.
//   - Its EndpointSlices tell who exports it, one for each cluster. kube-proxy doesn't look at them. A cluster that can't serve
//     now loses them after some seconds; the import stays.
//   - Nothing is removed before the directory is known to have all that the mesh has, nor what others made.
package mcs
