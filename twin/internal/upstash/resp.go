package upstash

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// appendEntry appends a reply in Redis's protocol (RESP2) as {"result":…} or {"error":…}, and returns the bytes
// that follow the reply. Integers are copied digit by digit, so that 64 bits stay 64 bits.
func appendEntry(body, reply []byte, encode bool) (out, rest []byte) {
	if reply[0] == '-' {
		line, rest := cutLine(reply)
		body = append(body, `{"error":`...)
		return append(appendString(body, line[1:]), '}'), rest
	}
	body, rest = appendValue(append(body, `{"result":`...), reply, encode)
	return append(body, '}'), rest
}

// appendEntries appends the elements of an array reply as a JSON array of entries.
func appendEntries(body, reply []byte, encode bool) []byte {
	line, rest := cutLine(reply)
	n, _ := strconv.Atoi(string(line[1:]))
	body = append(body, '[')
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body, rest = appendEntry(body, rest, encode)
	}
	return append(body, ']')
}

func appendValue(body, reply []byte, encode bool) (out, rest []byte) {
	line, rest := cutLine(reply)
	kind, text := line[0], line[1:]
	switch kind {
	case ':':
		return append(body, text...), rest
	case '$', '*':
		n, _ := strconv.Atoi(string(text))
		if n < 0 {
			return append(body, "null"...), rest
		}
		if kind == '$' {
			return appendText(body, rest[:n], encode), rest[n+2:]
		}
		body = append(body, '[')
		for i := range n {
			if i > 0 {
				body = append(body, ',')
			}
			body, rest = appendValue(body, rest, encode)
		}
		return append(body, ']'), rest
	case '+':
		return appendText(body, text, encode && string(text) != "OK"), rest // OK alone is never encoded
	default: // an error within an array
		return appendText(body, text, encode), rest
	}
}

func appendText(body, text []byte, encode bool) []byte {
	if !encode {
		return appendString(body, text)
	}
	body = append(body, '"')
	body = base64.StdEncoding.AppendEncode(body, text)
	return append(body, '"')
}

// appendString appends text as a JSON string; bytes that are no UTF-8 become U+FFFD, as at Upstash.
func appendString(body, text []byte) []byte {
	quoted, _ := json.Marshal(string(text)) // a string always marshals
	return append(body, quoted...)
}

func cutLine(reply []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(reply, []byte("\r\n"))
	return line, rest
}
