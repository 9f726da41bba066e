package admin

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// input is a procedure's input: an object whose fields are read one by one, collecting what's wrong with them.
type input struct {
	value
	issues []any
}

// What is wrong with an input, in the shape and the words of Zod 3.
type (
	invalidType struct {
		Code     string   `json:"code"`
		Expected string   `json:"expected"`
		Received string   `json:"received"`
		Path     []string `json:"path"`
		Message  string   `json:"message"`
	}
	invalidText struct {
		Code       string   `json:"code"`
		Validation string   `json:"validation"`
		Message    string   `json:"message"`
		Path       []string `json:"path"`
	}
	tooSmall struct {
		Code    string `json:"code"`
		Minimum int    `json:"minimum"`
		bound
	}
	tooBig struct {
		Code    string `json:"code"`
		Maximum int    `json:"maximum"`
		bound
	}
	bound struct {
		Type      string   `json:"type"`
		Inclusive bool     `json:"inclusive"`
		Exact     bool     `json:"exact"`
		Message   string   `json:"message"`
		Path      []string `json:"path"`
	}
)

// readInput checks that an input is an object; nil is undefined.
func readInput(v *value) (*input, error) {
	in := &input{value: value{kind: "undefined"}}
	if v != nil {
		in.value = *v
	}
	if in.kind != "object" {
		in.mistyped([]string{}, "object", in.kind)
	}
	return in, in.err()
}

// field is a field's value and its kind.
func (in *input) field(name string) (any, string) {
	fields, _ := in.json.(map[string]any)
	v, there := fields[name]
	switch special := in.kinds[name]; {
	case !there:
		return nil, "undefined"
	case special != "":
		return nil, special
	}
	return v, kind(v)
}

// typed reads a field of a kind; ok is false when it's of another, or missing.
func (in *input) typed(name, expected string) (v any, ok bool) {
	v, received := in.field(name)
	if received != expected {
		in.mistyped([]string{name}, expected, received)
		return nil, false
	}
	return v, true
}

// missing reports whether an optional field is.
func (in *input) missing(name string) bool {
	_, received := in.field(name)
	return received == "undefined"
}

func (in *input) str(name string) string {
	v, _ := in.typed(name, "string")
	s, _ := v.(string)
	return s
}

func (in *input) optionalStr(name string) string {
	if in.missing(name) {
		return ""
	}
	return in.str(name)
}

func (in *input) boolean(name string) bool {
	v, _ := in.typed(name, "boolean")
	b, _ := v.(bool)
	return b
}

// datetime is the form of a time: ISO, with an offset or in UTC. What it lets through may still be no date.
var datetime = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$`)

// layouts are what datetime lets through.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700"}

// time is an ISO time, as text: a Date is refused.
func (in *input) time(name string) time.Time {
	v, ok := in.typed(name, "string")
	if !ok {
		return time.Time{}
	}
	text, _ := v.(string)
	if datetime.MatchString(text) {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, text); err == nil {
				return t
			}
		}
	}
	in.issues = append(in.issues, invalidText{"invalid_string", "datetime", "Invalid datetime", []string{name}})
	return time.Time{}
}

func (in *input) optionalTime(name string) time.Time {
	if in.missing(name) {
		return time.Time{}
	}
	return in.time(name)
}

// number is a number from low to high, or the default when it's missing.
func (in *input) number(name string, low, high int, otherwise float64) float64 {
	if in.missing(name) {
		return otherwise
	}
	v, _ := in.typed(name, "number")
	n, ok := v.(float64)
	about := bound{Type: "number", Inclusive: true, Path: []string{name}}
	switch {
	case !ok:
	case n < float64(low):
		about.Message = fmt.Sprintf("Number must be greater than or equal to %d", low)
		in.issues = append(in.issues, tooSmall{"too_small", low, about})
	case n > float64(high):
		about.Message = fmt.Sprintf("Number must be less than or equal to %d", high)
		in.issues = append(in.issues, tooBig{"too_big", high, about})
	}
	return n
}

func (in *input) mistyped(path []string, expected, received string) {
	message := "Required"
	if received != "undefined" {
		message = fmt.Sprintf("Expected %s, received %s", expected, received)
	}
	in.issues = append(in.issues, invalidType{"invalid_type", expected, received, path, message})
}

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
