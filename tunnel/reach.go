package tunnel

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// Learn says where a gateway may be dialled, and replaces what was known. From now on the endpoint keeps a connection to
// it, until [Endpoint.Forget].
func (e *Endpoint) Learn(g registry.Gateway, addrs []netip.AddrPort) {
	if g == e.cfg.Self {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	p := e.peerLocked(g, time.Now())
	p.mu.Lock()
	defer p.unlock()
	if !slices.Equal(p.addrs, addrs) {
		p.addrs = slices.Clone(addrs)
		p.wakeLocked() // dial the new ones at once
		if p.elsewhere != nil {
			p.elsewhere()
		}
	}
	if p.forget == nil {
		ctx, cancel := context.WithCancel(e.life)
		p.forget = cancel
		e.whenRunningLocked(func() { p.keep(ctx) })
	}
}

// whenRunningLocked starts a task, or puts it off until Run. It tells whether the task runs, or will.
func (e *Endpoint) whenRunningLocked(task func()) bool {
	if !e.running {
		e.waiting = append(e.waiting, task)
		return !e.closed
	}
	return e.tasks.start(task)
}

// Forget says that a gateway need not be dialled any more. A connection that it has stays.
func (e *Endpoint) Forget(g registry.Gateway) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.peers[g]
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.unlock()
	if p.forget != nil {
		p.forget()
		p.forget, p.addrs = nil, nil
	}
	p.dropIfUnknownLocked()
}

// Connect dials an address to learn who is there: a seed. It returns [ErrSelf] when that is ourselves, and [ErrTwin]
// when it is another process with our name. The connection stays, as any other. When ctx ends first, the dialling goes
// on without the caller: the next one may find it done.
func (e *Endpoint) Connect(ctx context.Context, addr netip.AddrPort) (registry.Gateway, error) {
	if g, ok := e.connectedTo(addr); ok {
		return g, nil
	}
	e.mu.Lock()
	call := e.calls[addr]
	if call == nil {
		call = &connecting{done: make(chan struct{})}
		if !e.whenRunningLocked(func() { e.connect(addr, call) }) {
			e.mu.Unlock()
			return registry.Gateway{}, errClosed
		}
		e.calls[addr] = call
	}
	e.mu.Unlock()
	select {
	case <-call.done:
		return call.gateway, call.err
	case <-ctx.Done():
		return registry.Gateway{}, ctx.Err()
	}
}

// connecting is one dialling of Connect, for all who ask for the same address meanwhile.
type connecting struct {
	done    chan struct{}
	gateway registry.Gateway
	err     error
}

func (e *Endpoint) connect(addr netip.AddrPort, call *connecting) {
	call.gateway, call.err = e.dialControl(e.life, addr, registry.Gateway{})
	e.mu.Lock()
	delete(e.calls, addr)
	e.mu.Unlock()
	close(call.done)
}

// connectedTo tells who is at an address, where a link that is up goes there.
func (e *Endpoint) connectedTo(addr netip.AddrPort) (registry.Gateway, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for g, p := range e.peers {
		p.mu.Lock()
		best := p.bestLocked()
		there := best != nil && p.link.State == Up && best.conn.RemoteAddr().String() == addr.String()
		p.mu.Unlock()
		if there {
			return g, true
		}
	}
	return registry.Gateway{}, false
}
