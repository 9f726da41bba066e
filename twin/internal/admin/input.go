package admin

import (
	"encoding/json"
	"fmt"
	"time"
)

// input is a procedure's input: an object whose fields are read one by one, collecting what's wrong with them.
type input struct {
	fields map[string]any
	issues []issue
}

// issue is one thing wrong with an input, in Zod's shape.
type issue struct {
	Code     string   `json:"code"`
	Expected string   `json:"expected,omitempty"`
	Received string   `json:"received,omitempty"`
	Path     []string `json:"path"`
	Message  string   `json:"message"`
}

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
	in := &input{}
	if raw == nil {
		return in, nil // every field is missing
	}
	if err := json.Unmarshal(raw, &in.fields); err != nil {
		in.complain(issue{Code: "invalid_type", Expected: "object", Path: []string{}, Message: "Expected object"})
		return nil, in.err()
	}
	return in, nil
}

// str is a string that isn't empty.
func (in *input) str(name string) string {
	value, present := in.fields[name]
	s, ok := value.(string)
	switch {
	case !ok:
		in.mistyped(name, "string", value, present)
	case s == "":
		in.complain(issue{Code: "too_small", Path: []string{name}, Message: "String must contain at least 1 character(s)"})
	}
	return s
}

// time is an ISO time.
func (in *input) time(name string) time.Time {
	value, present := in.fields[name]
	s, ok := value.(string)
	if !ok {
		in.mistyped(name, "string", value, present)
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		in.complain(issue{Code: "invalid_string", Path: []string{name}, Message: "Invalid datetime"})
	}
	return t
}

// integer is a whole number from low to high.
func (in *input) integer(name string, low, high int) int {
	value, present := in.fields[name]
	n, ok := value.(float64)
	switch {
	case !ok:
		in.mistyped(name, "number", value, present)
	case n != float64(int(n)) || n < float64(low) || n > float64(high):
		in.complain(issue{Code: "custom", Path: []string{name}, Message: fmt.Sprintf("Expected an integer from %d to %d", low, high)})
	}
	return int(n)
}

func (in *input) mistyped(name, expected string, value any, present bool) {
	i := issue{Code: "invalid_type", Expected: expected, Received: kind(value), Path: []string{name}}
	if !present {
		i.Received = "undefined"
		i.Message = "Required"
	} else {
		i.Message = fmt.Sprintf("Expected %s, received %s", expected, i.Received)
	}
	in.complain(i)
}

func (in *input) complain(i issue) { in.issues = append(in.issues, i) }

// err is BAD_REQUEST with all issues as its message, or nil.
func (in *input) err() error {
	if in.issues == nil {
		return nil
	}
	text, _ := json.MarshalIndent(in.issues, "", "  ") // strings always marshal
	return badRequest(string(text))
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
