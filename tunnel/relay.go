package tunnel

import (
	"errors"
	"net"
	"sync"
	"time"
)

var errUnused = errors.New("nobody used it")

// relay carries datagrams both ways until either side ends, or neither says anything for as long as limit, and ends both. It
// returns why, which is errUnused in the latter case. A datagram that can't be written is lost, unless that side is over.
func relay(f *flow, backend net.Conn, limit time.Duration) error {
	var first error
	var once sync.Once
	end := func(why error) {
		once.Do(func() {
			first = why
			backend.Close()
			if errors.Is(why, DialFailed) {
				f.abort(codeUnheard)
				return
			}
			f.Close()
		})
	}
	unused := watchIdle(limit, func() time.Duration { return limit }, func() { end(errUnused) })
	defer unused.stop()
	var group sync.WaitGroup
	group.Go(func() { end(pass(backend, f, unused)) })
	end(pass(f, backend, unused))
	group.Wait()
	return first
}

// pass writes to one connection the datagrams that come from the other, until either is over.
func pass(to, from net.Conn, use *idle) error {
	read := reader(from)
	for {
		buffer, n, err := read()
		if err == nil {
			use.touch()
			_, err = to.Write(buffer[:n])
		}
		if buffer != nil {
			buffers.Put(buffer)
		}
		if err != nil {
			return err
		}
	}
}
