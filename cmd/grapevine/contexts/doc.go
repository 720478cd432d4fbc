// Package contexts is the stage of experiments that is made of clusters of Kubernetes, each a context of kubectl, with a mesh
// that is installed there already.
//
//	stage, err := contexts.Open(ctx, cfg, screen)
//	defer stage.Close(ctx, screen)
//	err = stage.Start(ctx, screen)
//	result, err := stage.Once(ctx, options, screen) // again and again
//
//	        here                                          a cluster
//	┌────────────────────┐   kubectl port-forward   ┌──────────────────────────┐
//	│ experiment         │◀── events, links ────────│ grapevine-0, grapevine-1 │
//	│   prober           │◀── samples, clock ───────│ grapevine-chaos-prober ──┼──▶ the cluster's DNS, then the address
//	│   strike ──────────┼── kubectl ──────────────▶│ scale, delete, rollout   │
//	│         └──────────┼── driver ───────────────▶│ its machines and network │
//	└────────────────────┘                          └──────────────────────────┘
//
// The prober is a Pod in each cluster ([Pod], of the gateways' own image), for only there is the DNS that clients have. It asks
// by itself and keeps what it found until that is taken in, so a line that breaks off, with the API server for example, loses no
// request. Lines are HTTP over `kubectl port-forward`, begun anew whenever they break. The alternative was `kubectl exec`:
// there each break ends a process in the Pod that has to be found again, and the admin API would need a second form.
//
// Rules:
//   - kubectl is run as a program. Users have it, with whatever their credentials need, and the libraries of Kubernetes keep their
//     one home in registry/kube.
//   - Times from a cluster are told in our time: the clocks of all gateways and probers are compared with ours before each
//     experiment, and the report says how well.
//   - Whatever was made is undone, also after an interruption: the fault is healed, the probers are removed. Commands that are
//     under way are not interrupted.
//   - What the API server can't do (machines without power, cut networks) a driver does: a program with the contract of
//     chaos/drivers/README.md.
package contexts
