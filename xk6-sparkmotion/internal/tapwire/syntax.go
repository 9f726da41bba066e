package tapwire

import (
	"bytes"
	"iter"
)

// tokenChar marks the characters of a token (RFC 9110, section 5.6.2).
var tokenChar = func() (t [256]bool) {
	for c := byte('0'); c <= 'z'; c++ {
		t[c] = isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = true
	}
	return t
}()

// tokenLen is the length of the token that b starts with.
func tokenLen(b []byte) int {
	for i, c := range b {
		if !tokenChar[c] {
			return i
		}
	}
	return len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// trimSpace trims optional white space (RFC 9110, section 5.6.3).
func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t") }

// equalFold compares b with s, in lower case and ASCII, ignoring b's case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// items are the elements of a comma-separated list (RFC 9110, section 5.6.1);
// an empty list has one empty element.
func items(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for more := true; more; {
			var item []byte
			item, list, more = bytes.Cut(list, []byte(","))
			if !yield(trimSpace(item)) {
				return
			}
		}
	}
}

// parseDecimal reads 1*DIGIT of at most 18 digits, which fit 63 bits.
func parseDecimal(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, 0 < len(b) && len(b) <= 18
}

// parseChunkSize reads 1*HEXDIG, at most 15 of them, before the end of line or
// an extension, which is ignored (RFC 9112, section 7.1.1).
func parseChunkSize(line []byte) (n int64, ok bool) {
	size, _, _ := bytes.Cut(line, []byte(";"))
	size = bytes.TrimRight(size, " \t")
	for _, c := range size {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(c)
	}
	return n, 0 < len(size) && len(size) <= 15
}
