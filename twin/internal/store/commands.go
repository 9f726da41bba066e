package store

import (
	"slices"
	"strings"
)

// blind reports whether a command can't see the queue: one of the few that are frequent, on another key.
func blind(command []string) bool {
	switch command[0] {
	case "INCR", "PFADD", "EXPIRE", "GET":
		return len(command) > 1 && command[1] != Queue
	case "PING", "HELLO", "CLIENT":
		return true
	}
	return false
}

// blocks reports whether a command might wait, which would stop everybody: the front runs one at a time.
func blocks(command []string) bool {
	switch command[0] {
	case "BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BZPOPMIN", "BZPOPMAX", "BZMPOP":
		return true
	case "XREAD", "XREADGROUP":
		return slices.ContainsFunc(command, func(a string) bool { return strings.EqualFold(a, "BLOCK") })
	}
	return false
}
