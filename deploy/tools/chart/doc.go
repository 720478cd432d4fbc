// Package chart holds the tests of what `helm install` would create: deploy/chart/grapevine, and deploy/samples beside it.
//
//	values ──▶ helm template ──▶ objects, decoded strictly ──▶ Pod Security, labels, ports, permissions
//	                                        │
//	                                   gateway.yaml ──▶ the daemon's own parser
//
// Helm is run as users run it; it is a tool of this module. No cluster is needed: what only a cluster shows is shown by
// deploy/up.sh.
package chart
