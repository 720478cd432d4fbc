// Package testcluster gives a test a Kubernetes cluster without nodes, and the ways in which one goes wrong.
//
//	c := testcluster.New(t)          // etcd, kube-apiserver, kube-controller-manager: up in some seconds, down with the test
//	c.Namespace("shop")
//	c.Run(testcluster.Pod{Namespace: "shop", Name: "web-0", Labels: …, Addrs: …})
//	before := c.Snapshot()
//	c.Stop()                         // the API server is away
//	c.Start()                        // and back
//	c.Restore(before)                // with an older state, and resource versions that are given a second time
//
//	test ──▶ Cluster ── starts, stops, kills, freezes ──▶ controlplane (a process)
//	  │                                                        ▲    │
//	  └──▶ Proxy.Tell(lie)                                     │    └──▶ audit.log ──▶ Cluster.Audit
//	            │                                              │
//	gateway ──▶ Proxy ── what isn't a lie ─────────────────────┘
//
// There is no kubelet: a Pod runs because its status says so, and has the addresses that the test gave it. There is no
// kube-proxy either, so a Service's address leads nowhere: what a gateway writes is read here, not connected to.
//
// Package `sigs.k8s.io/controller-runtime/pkg/envtest` does much of this, with binaries that it downloads. Here everything is
// a Go module, so that a version of Kubernetes is a line of go.mod, checked like any other.
package testcluster
