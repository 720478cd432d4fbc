package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// podAddrs returns where the cluster's own gateways reach this one.
func (s *settings) podAddrs(meshPort uint16) ([]netip.AddrPort, error) {
	if len(s.kube.podIPs) == 0 {
		return advertised(netip.AddrPortFrom(s.listen.Addr(), meshPort))
	}
	var addrs []netip.AddrPort
	for _, ip := range s.kube.podIPs {
		addrs = append(addrs, netip.AddrPortFrom(ip, meshPort))
	}
	return addrs, nil
}

// addressAgain is how often the host names of a load balancer are looked up.
const addressAgain = time.Minute

// advertise keeps the ring true to where others reach this gateway. The Pod's own addresses come last: only this cluster's
// gateways can use them, for other clusters may have the same ones.
func (h *kubeHome) advertise(ctx context.Context) error {
	ticker := time.NewTicker(addressAgain)
	defer ticker.Stop()
	var last []netip.AddrPort
	for {
		if addrs, err := h.findAddress(ctx); ctx.Err() == nil && h.watch.Synced() {
			h.complain("address", err)
			if err == nil && !slices.Equal(addrs, last) {
				h.moved(addrs)
				last = addrs
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-h.address.Changed():
		}
	}
}

// findAddress returns where others reach this gateway, now.
func (h *kubeHome) findAddress(ctx context.Context) ([]netip.AddrPort, error) {
	texts, err := h.address.Advertised()
	if err != nil {
		return nil, err
	}
	addrs, err := h.lookup(ctx, texts)
	return slices.Concat(addrs, h.podAddrs), err
}

// lookup turns "host:port" texts into addresses.
func (h *kubeHome) lookup(ctx context.Context, texts []string) (addrs []netip.AddrPort, err error) {
	for _, text := range texts {
		host, port, failed := net.SplitHostPort(text)
		number, wrong := strconv.ParseUint(port, 10, 16)
		if err = errors.Join(err, failed, wrong); err != nil {
			return nil, err
		}
		found, failed := h.resolveHost(ctx, host)
		if failed != nil {
			return nil, failed
		}
		for _, addr := range found {
			addrs = append(addrs, netip.AddrPortFrom(addr.Unmap(), uint16(number)))
		}
	}
	return addrs, nil
}

func (h *kubeHome) resolveHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	if h.resolve != nil {
		return h.resolve(ctx, host)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	slices.SortFunc(found, netip.Addr.Compare)
	return found, err
}
