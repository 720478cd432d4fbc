// Package kube holds the tests of Grapevine inside Kubernetes: against etcd, kube-apiserver and kube-controller-manager as they
// are, without nodes.
//
//	assumptions   what registry/kube takes for granted of API server and client-go, each shown by itself
//	     │
//	gateways      the daemon that users run, over one control plane or two, meshed over loopback
//	     │
//	real clusters, with nodes (not here)
//
// It is a module of its own, for two reasons: the main module's users don't get Kubernetes' dependencies, and its `./...` doesn't
// build Kubernetes, which takes about nine minutes of CPU from a cold cache, and seconds from a warm one.
//
//	go test -C integration/kube -count=1 ./...
//
// Kubernetes' version is that of client-go in the main module, 1.37.2 for v0.37.2, so that one module holds both sides; whoever
// raises one raises the other. The alternative, a module for the control plane alone, would let them differ, at the
// price of a second list of two hundred dependencies.
package kube
