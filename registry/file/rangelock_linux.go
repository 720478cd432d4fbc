package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// lockSpace begins the names of the lock's sockets: "@grapevine-vips/127.80.0.0/16/east/e-0".
const lockSpace = "@grapevine-vips/"

// LockRange is the RangeLock between the gateways of one host. A gateway holds its range by listening on an abstract unix
// socket that is named after it. Such a socket belongs to a network namespace, just as the addresses that it stands for;
// it leaves nothing behind when the process dies in whatever way; and its name is seen by everybody in
// /proc/net/unix, so that ranges that overlap without being equal are found too. Files with flock, the alternative, know
// nothing of namespaces, and need a directory that every user may write to.
func LockRange(prefix netip.Prefix, gateway registry.Gateway) (release func() error, err error) {
	door, err := listenUnix(lockSpace + "door")
	if err != nil {
		return nil, err
	}
	defer door.Close()
	held, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	if other := overlapping(held, prefix); other != "" {
		return nil, fmt.Errorf("overlaps %s on this host: each gateway needs a range of its own", other)
	}
	lock, err := listenUnix(lockName(prefix, gateway))
	if err != nil {
		return nil, err
	}
	return lock.Close, nil
}

// lockName is cut to what a socket's address can hold; enough of the gateway is left to find it by.
func lockName(prefix netip.Prefix, gateway registry.Gateway) string {
	name := lockSpace + prefix.String() + "/" + gateway.String()
	return name[:min(len(name), len(syscall.RawSockaddrUnix{}.Path)-1)]
}

// listenUnix takes a name. The door is held by others for moments only, so a taken name is tried again for a while.
func listenUnix(name string) (net.Listener, error) {
	for deadline := time.Now().Add(2 * time.Second); ; {
		l, err := net.Listen("unix", name)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return l, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// overlapping returns "RANGE of gateway NAME" of a lock that is held on a part of the prefix, or "".
func overlapping(procNetUnix []byte, prefix netip.Prefix) string {
	lines := bufio.NewScanner(bytes.NewReader(procNetUnix))
	for lines.Scan() {
		_, held, found := strings.Cut(lines.Text(), " "+lockSpace)
		if !found {
			continue
		}
		parts := strings.SplitN(held, "/", 3)
		if len(parts) < 3 {
			continue
		}
		if other, err := netip.ParsePrefix(parts[0] + "/" + parts[1]); err == nil && other.Overlaps(prefix) {
			return other.String() + " of gateway " + parts[2]
		}
	}
	return ""
}
