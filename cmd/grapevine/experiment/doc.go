// Package experiment measures what the clients of a mesh notice when a part of it is lost: one course of events, the same
// for processes on one machine and for clusters of Kubernetes.
//
//	err := output.Present(ctx, func(ctx context.Context, screen *experiment.Screen) (*chaos.Result, error) {
//		return experiment.Run(ctx, stage, options, screen)
//	})
//	err = series.Run(ctx, output) // the null experiment, and then the same many times over
//
// Where it happens is a [Stage], which package demo has for processes and package contexts for Kubernetes:
//
//	                    experiment                                    stage
//	course   ─ fault, heal, end ───────────────── Aim, Strike, Mend ──▶  signals, or kubectl and a driver
//	probers  ─ one in each cluster, open loop ◀── samples ────────────  goroutines, or Pods
//	notices  ─ who noticed what, and when ◀────── events, links ──────  one gateway of each cluster
//	   └─▶ tally, story ─▶ chaos.Result ─▶ table, JSON, report
//
// Rules:
//   - The clock starts when the mesh is whole and the probers have been calm for a while, so that what is measured is the
//     fault and not the start.
//   - A series begins with the null experiment, the same without a fault. Unless that is clean there is no series.
//   - The prober of the cluster that is hit pauses where its clients are dead too, or have no gateway left to ask. All others go
//     on, and every failure counts.
//   - What only the stage can know to be wrong is a problem like any other, and the exit code says so.
package experiment
