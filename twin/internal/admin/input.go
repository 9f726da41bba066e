package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// input is a procedure's input: an object whose fields are read one by one, collecting what's wrong with them.
type input struct {
	fields map[string]any
	issues []issue
}

// issue is one thing wrong with an input, in the shape and the words of Zod 4.
type issue map[string]any

// readInput unpacks an input; under superjson it's in {"json":…}.
func (a *Admin) readInput(raw json.RawMessage) (*input, error) {
	if a.Superjson && raw != nil {
		var wrapped struct {
			JSON json.RawMessage `json:"json"`
		}
		if err := json.Unmarshal(raw, &wrapped); err != nil {
			return nil, badRequest("input is no superjson: " + err.Error())
		}
		raw = wrapped.JSON
	}
	var value any
	received := "undefined"
	if raw != nil {
		_ = json.Unmarshal(raw, &value) // it was JSON when it was cut out of the request
		received = kind(value)
	}
	fields, ok := value.(map[string]any)
	in := &input{fields: fields}
	if !ok {
		in.mistyped([]string{}, "object", received)
	}
	return in, in.err()
}

// str is a string that isn't empty.
func (in *input) str(name string) string {
	s, ok := field[string](in, name, "string")
	if ok && s == "" {
		in.complain(issue{"code": "too_small", "origin": "string", "minimum": 1, "inclusive": true, "path": []string{name},
			"message": "Too small: expected string to have >=1 characters"})
	}
	return s
}

// time is an ISO time.
func (in *input) time(name string) time.Time {
	s, ok := field[string](in, name, "string")
	t, err := time.Parse(time.RFC3339, s)
	if ok && err != nil {
		in.complain(issue{"code": "invalid_format", "origin": "string", "format": "datetime", "path": []string{name},
			"message": "Invalid ISO datetime"})
	}
	return t
}

// integer is a whole number from low to high.
func (in *input) integer(name string, low, high int) int {
	n, ok := field[float64](in, name, "number")
	switch path := []string{name}; {
	case !ok:
	case n != float64(int(n)):
		in.complain(issue{"code": "invalid_type", "expected": "int", "format": "safeint", "path": path,
			"message": "Invalid input: expected int, received number"})
	case n < float64(low):
		in.complain(issue{"code": "too_small", "origin": "number", "minimum": low, "inclusive": true, "path": path,
			"message": fmt.Sprintf("Too small: expected number to be >=%d", low)})
	case n > float64(high):
		in.complain(issue{"code": "too_big", "origin": "number", "maximum": high, "inclusive": true, "path": path,
			"message": fmt.Sprintf("Too big: expected number to be <=%d", high)})
	}
	return int(n)
}

// field is a field of the type T, which Zod calls expected.
func field[T any](in *input, name, expected string) (T, bool) {
	value, present := in.fields[name]
	typed, ok := value.(T)
	if !present {
		in.mistyped([]string{name}, expected, "undefined")
	} else if !ok {
		in.mistyped([]string{name}, expected, kind(value))
	}
	return typed, ok
}

func (in *input) mistyped(path []string, expected, received string) {
	in.complain(issue{"code": "invalid_type", "expected": expected, "path": path,
		"message": fmt.Sprintf("Invalid input: expected %s, received %s", expected, received)})
}

func (in *input) complain(i issue) { in.issues = append(in.issues, i) }

// err is BAD_REQUEST with all issues as its message, or nil.
func (in *input) err() error {
	if in.issues == nil {
		return nil
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(in.issues) // strings and numbers always encode
	return badRequest(strings.TrimSpace(text.String()))
}

// kind is Zod's name of a JSON value's type.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
