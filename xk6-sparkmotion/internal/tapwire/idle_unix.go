//go:build unix

package tapwire

import "syscall"

// fdReadable reports whether a read of the non-blocking socket would return at
// once.
func fdReadable(fd uintptr) bool {
	var b [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		if err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}
