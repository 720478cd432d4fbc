//go:build unix

package tunnel

import (
	"io"
	"net"
	"os"
	"syscall"
)

// readerOf returns a function that waits in the kernel, without a buffer, and reads as soon as there is something; nil
// where the connection has no descriptor.
func readerOf(conn net.Conn) func() (*[bufferSize]byte, int, error) {
	with, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := with.SyscallConn()
	if err != nil {
		return nil
	}
	_, empty := conn.(net.PacketConn) // what it reads may be, without being the end
	return func() (buffer *[bufferSize]byte, n int, err error) {
		waited := raw.Read(func(fd uintptr) bool {
			buffer = buffers.Get().(*[bufferSize]byte)
			for {
				n, err = syscall.Read(int(fd), buffer[:])
				if err != syscall.EINTR {
					break
				}
			}
			if err == syscall.EAGAIN {
				buffers.Put(buffer)
				buffer = nil
				return false
			}
			return true
		})
		switch {
		case waited != nil: // closed, or past its deadline
			return buffer, 0, waited
		case err != nil:
			return buffer, 0, os.NewSyscallError("read", err)
		case n == 0 && !empty:
			return buffer, 0, io.EOF
		}
		return buffer, n, nil
	}
}
