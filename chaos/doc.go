// Package chaos breaks networks and processes, and measures what that costs.
//
// It is the world that the rest of the project is tested in, and imports none of it. There are two halves. One half is a
// network in memory, to be broken in virtual time:
//
//	synctest.Test(t, func(t *testing.T) {
//		n := chaos.NewNetwork(seed)
//		defer n.Close()
//		east, west := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.1.0.1")
//		socket, err := n.Host(east).ListenPacket(netip.AddrPortFrom(east, 7946)) // a net.PacketConn: give it to quic-go
//		…
//		wan := chaos.Uniform(chaos.Conditions{Delay: 30 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05})
//		n.SetWeather(wan)
//		time.Sleep(time.Minute)
//		n.SetWeather(chaos.Over(wan, chaos.CutOneWay(east, west))) // now watch what they do
//		…
//	})
//
// The other half breaks real processes and measures at the client: [Process], [Prober], [Observer], [Result] and their
// report; the scripts in drivers break machines and networks of real clusters. Between the two stands [Relay], which puts a
// network's conditions round real UDP sockets.
//
// # A datagram's way
//
//	WriteTo ─▶ Weather(from, to) ─▶ link ──────────────▶ agenda ────────────▶ socket's queue ─▶ ReadFrom
//	           the Conditions       judges it: dropped,  waits for its time;  bounded: a full
//	           at this moment       late, doubled, bent  dies in a new cut    one drops
//
// [Weather] is the one function that decides. It is a plain function of two addresses, asked for every packet, so a test
// writes its own where [Uniform], [Between], [Partition], [Cut], [CutOneWay], [Isolate], [Flapping] and [Over] don't
// say it. A fault that comes and goes is a call of SetWeather at its time. What hosts suffer themselves is said to the
// [Host]: Kill, Crash, Freeze and Thaw. A NAT that forgets is a [Relay] on a host of its own.
//
// # Rules
//
//   - A full queue, a cut and an unknown address drop datagrams, as on a real network; WriteTo never waits and never fails
//     for it. Every drop is counted with its reason ([Counts]). Only a connected socket ([Host.DialPacket]) is told that
//     nobody listens where it sends.
//   - Datagrams keep their order while the conditions stay the same, Reorder aside. After a change a later one may overtake,
//     as after a change of route.
//   - Streams stand in for TCP: bytes in order, half-close, resets, refused and unanswered dials, retries with Linux's
//     timing. Loss and cuts are delay to them. There is no congestion control.
//   - Loopback addresses are every host's own, and have no weather.
//   - The network never waits with a lock held and has no goroutine of its own, so it runs in a testing/synctest bubble, where
//     it has to be made too. The same code runs in real time.
//   - The seed decides the draws, not the order in which goroutines come to draw: assert bounds, not traces.
//
// quic-go's own testutils/simnet was the alternative. It has datagrams alone, one goroutine and timer per link, and no
// streams, crashes or freezes; one network for gossip, tunnels, DNS over TCP and the applications behind them is worth more.
package chaos
