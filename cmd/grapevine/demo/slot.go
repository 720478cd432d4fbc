package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// slot is a block of ports and of local addresses that belongs to one demo at a time, so that two can run on one machine.
// It is held by a listener on the first port, which the kernel frees however the demo ends.
//
//	slot 0   ports 20000 to 20063   VIPs 127.81.0.0/24 to 127.81.5.0/24
//	slot 1   ports 20064 to 20127   VIPs 127.81.6.0/24 to 127.81.11.0/24
//
// The ports lie below those that the kernel gives to outgoing connections: a gateway that is started again must find its own
// port free, whatever a thousand requests per second have used meanwhile. The addresses lie outside the range that
// grapevine takes by default, so a demo doesn't disturb a real gateway on the same host.
type slot struct {
	number int
	port   uint16 // the next one
	ranges int    // given out
	held   net.Listener
}

// The extent of the slots.
const (
	slots     = 32
	firstPort = 20000
	slotPorts = 64
	vipOctet  = 81
)

// takeSlot takes the first slot that nobody holds.
func takeSlot() (*slot, error) {
	for n := range slots {
		first := uint16(firstPort + n*slotPorts)
		held, err := net.Listen("tcp", loopback(first).String())
		if err == nil {
			return &slot{number: n, port: first + 1, held: held}, nil
		}
	}
	return nil, fmt.Errorf("no free block of ports on 127.0.0.1: %d demos are running, or something else holds every %dth port from %d on", slots, slotPorts, firstPort)
}

func (s *slot) release() { s.held.Close() }

// nextPort returns an address of the slot that is free for UDP and TCP.
func (s *slot) nextPort() (netip.AddrPort, error) {
	end := uint16(firstPort + (s.number+1)*slotPorts)
	for s.port < end {
		address := loopback(s.port)
		s.port++
		if free(address) {
			return address, nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("too many of the ports %d to %d on 127.0.0.1 are taken by other processes", int(end)-slotPorts, end-1)
}

// nextRange returns an address range of the slot.
func (s *slot) nextRange() netip.Prefix {
	s.ranges++
	return s.rangeAt(s.ranges - 1)
}

func (s *slot) rangeAt(n int) netip.Prefix {
	third := s.number*len(ClusterNames())*gatewaysEach + n
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, vipOctet, byte(third), 0}), 24)
}

// vipPort returns the port that the sample service has on its VIPs: the usual one, unless something on this machine listens
// there on every address.
func (s *slot) vipPort() uint16 {
	for port := uint16(servicePort); port < servicePort+100; port++ {
		if free(netip.AddrPortFrom(s.rangeAt(0).Addr().Next(), port)) {
			return port
		}
	}
	return servicePort
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func free(address netip.AddrPort) bool {
	tcp, err := net.Listen("tcp", address.String())
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address.String())
	if err != nil {
		return false
	}
	return udp.Close() == nil
}

// checkLoopback tells whether every 127.x.y.z is this host, as it is on Linux.
func checkLoopback() error {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.%d.0.1:0", vipOctet))
	if err != nil {
		return errors.Join(fmt.Errorf("the demo gives every service a local address in 127.%d.0.0/16, which works on Linux without privileges, but not here", vipOctet), err)
	}
	return listener.Close()
}
