package tunnel

import (
	"errors"
	"io"
	"net"
	"sync"
)

// bufferSize is what one read may take. Larger ones carried no more.
const bufferSize = 64 << 10

// buffers are lent for one read and one write. An idle connection holds none: thousands of them are usual.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// splice carries bytes both ways until both sides have ended, each direction by itself: a half-close on one side becomes
// one on the other. An error on either side resets both, so that nobody takes a broken transfer for a whole one.
// io.Copy is not used, because between TCP connections it takes two pipes, four descriptors, for each of them.
func splice(a, b net.Conn) {
	var group sync.WaitGroup
	group.Go(func() { carry(a, b) })
	carry(b, a)
	group.Wait()
	a.Close()
	b.Close()
}

func carry(to, from net.Conn) {
	err := transfer(to, from)
	if err == nil {
		err = closeWrite(to)
	}
	if err != nil {
		reset(to)
		reset(from)
	}
}

// transfer writes to one connection what comes from the other, until that ends.
func transfer(to, from net.Conn) error {
	read := reader(from)
	for {
		buffer, n, err := read()
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if buffer != nil {
			buffers.Put(buffer)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// reader returns a function that reads once, into a buffer that it takes only when there is something to read.
func reader(from net.Conn) func() (buffer *[bufferSize]byte, n int, err error) {
	if s, ok := from.(*stream); ok {
		var first [1]byte
		return func() (*[bufferSize]byte, int, error) {
			s.Peek(first[:]) // waits; what it says, Read says again
			return readNow(s)
		}
	}
	if own, ok := from.(interface {
		read() (*[bufferSize]byte, int, error)
	}); ok {
		return own.read
	}
	if read := readerOf(from); read != nil {
		return read
	}
	return func() (*[bufferSize]byte, int, error) { return readNow(from) }
}

func readNow(from io.Reader) (*[bufferSize]byte, int, error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	n, err := from.Read(buffer[:])
	return buffer, n, err
}

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return conn.Close()
}

// reset ends a connection so that its other end reads an error, and not the end of a whole transfer.
func reset(conn net.Conn) {
	switch c := conn.(type) {
	case interface{ Reset() }:
		c.Reset()
		return
	case interface{ SetLinger(sec int) error }:
		c.SetLinger(0)
	}
	conn.Close()
}
