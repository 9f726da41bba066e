//go:build !unix

package tapwire

// fdReadable can't look into a socket's queue here.
func fdReadable(uintptr) bool { return false }
