package trpc

import (
	"bytes"
	"encoding/json"
)

// Field returns a number in data that is an object, plain or in superjson's wrapper.
func Field(data json.RawMessage, name string) (value float64, ok bool) {
	var wrapped struct{ JSON json.RawMessage }
	if shapeOf(data) == Superjson && json.Unmarshal(data, &wrapped) == nil {
		data = wrapped.JSON
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || json.Unmarshal(fields[name], &value) != nil {
		return 0, false
	}
	return value, true
}

// Rows returns how many entries data has when it is a list, plain or in superjson's wrapper; ok is false for all else. Data must be
// valid JSON, as a [Result]'s is. An export of 50,000 rows is counted without being decoded.
func Rows(data json.RawMessage) (n int, ok bool) {
	list := bytes.TrimSpace(bytes.TrimPrefix(data, []byte(`{"json":`)))
	if len(list) == 0 || list[0] != '[' {
		return 0, false
	}
	depth, empty := 0, true
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '[', '{':
			empty = empty && depth == 0
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				if !empty {
					n++
				}
				return n, true
			}
		case ',':
			if depth == 1 {
				n++
			}
		case '"':
			empty = false
			for i++; list[i] != '"'; i++ {
				if list[i] == '\\' {
					i++
				}
			}
		case ' ', '\t', '\n', '\r':
		default:
			empty = false
		}
	}
	return 0, false
}
