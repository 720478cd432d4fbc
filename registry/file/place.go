package file

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"

	"github.com/grapevine-mesh/grapevine/registry"
)

// place finds a free address for a name: where its hash points, or the next one that is free. It is a pure function of
// what is taken, so a gateway that lost its file finds the same addresses again, except where two hashes had met.
func place(prefix netip.Prefix, name registry.VIPName, taken map[netip.Addr]bool) (netip.Addr, bool) {
	size := uint32(1) << (32 - prefix.Bits())
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name.String()))
	start := uint32(hash.Sum64() % uint64(size))
	for i := range size {
		addr := addressAt(prefix, (start+i)%size)
		if usable(prefix, addr) && !taken[addr] {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// usable tells whether an address can be a VIP of the range: not those that some systems treat as a network's own or as
// its broadcast address, in whichever size of network they believe.
func usable(prefix netip.Prefix, addr netip.Addr) bool {
	if !addr.Is4() || !prefix.Contains(addr) {
		return false
	}
	size := uint32(1) << (32 - prefix.Bits())
	last := addr.As4()[3]
	return last != 0 && last != 255 && addr != prefix.Addr() && addr != addressAt(prefix, size-1)
}

func addressAt(prefix netip.Prefix, offset uint32) netip.Addr {
	network := prefix.Addr().As4()
	var addr [4]byte
	binary.BigEndian.PutUint32(addr[:], binary.BigEndian.Uint32(network[:])+offset)
	return netip.AddrFrom4(addr)
}
