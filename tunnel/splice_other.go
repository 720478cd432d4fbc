//go:build !unix

package tunnel

import "net"

// readerOf returns nil: connections are read in the usual way.
func readerOf(net.Conn) func() (*[bufferSize]byte, int, error) { return nil }
