package tapwire

import (
	"errors"
	"fmt"
	"strings"
)

// Header is the part of a request that stays the same from tap to tap: checked
// and rendered once, appended as it is.
type Header struct{ rendered string }

// NewHeader renders a request's header: Host, User-Agent unless it's empty,
// then fields, each a name and a value. It fails on what could split or
// reframe a request: names that are no token, control characters in a value,
// and Host, Content-Length and Transfer-Encoding among fields (RFC 9110,
// sections 5.1, 5.5 and 7.2).
func NewHeader(host, userAgent string, fields ...[2]string) (Header, error) {
	if host == "" || strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return Header{}, fmt.Errorf("bad host %q", host)
	}
	var b strings.Builder
	b.WriteString("Host: " + host + "\r\n")
	if userAgent != "" {
		fields = append([][2]string{{"User-Agent", userAgent}}, fields...)
	}
	for _, f := range fields {
		if err := checkField(f[0], f[1]); err != nil {
			return Header{}, err
		}
		b.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	b.WriteString("\r\n")
	return Header{b.String()}, nil
}

func checkField(name, value string) error {
	if name == "" || tokenLen([]byte(name)) != len(name) {
		return fmt.Errorf("bad header name %q", name)
	}
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return fmt.Errorf("control character in the value of header %q", name)
	}
	switch strings.ToLower(name) {
	case "host":
		return errors.New("header Host is given twice")
	case "content-length", "transfer-encoding":
		return fmt.Errorf("header %q on a request without a body", name)
	}
	return nil
}

// AppendRequest appends a GET request to dst. Its target is the concatenation
// of parts, in origin form (RFC 9112, section 3.2.1): a leading slash is added
// when it's missing; spaces, control characters, non-ASCII bytes, '#', '"', '<'
// and '>' are percent-encoded. What is percent-encoded already stays as it is.
func AppendRequest(dst []byte, h Header, parts ...string) []byte {
	dst = append(dst, "GET "...)
	if len(parts) == 0 || !strings.HasPrefix(parts[0], "/") {
		dst = append(dst, '/')
	}
	for _, p := range parts {
		dst = appendEscaped(dst, p)
	}
	dst = append(dst, " HTTP/1.1\r\n"...)
	return append(dst, h.rendered...)
}

func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	clean := 0 // s[clean:i] needs no escape and isn't appended yet
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7f, c == '#', c == '"', c == '<', c == '>':
			dst = append(dst, s[clean:i]...)
			dst = append(dst, '%', hex[c>>4], hex[c&15])
			clean = i + 1
		}
	}
	return append(dst, s[clean:]...)
}
