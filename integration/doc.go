// Package integration holds the tests of the whole: real gateways, wired by the daemon that users run.
//
//	architecture   who may import whom, that every package explains itself
//	     │
//	virtual time   whole meshes in one process: real memberlist, QUIC and DNS over chaos's network, hours in seconds
//	     │
//	processes      real sockets, real signals, the real binary on loopback
//
// A fault is shown at the lowest step that has it; the steps above show that the parts meet. Virtual time (testing/synctest)
// isn't deterministic to the packet, so its tests assert bounds, never traces.
package integration
