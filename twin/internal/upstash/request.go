package upstash

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

func decode(r *http.Request, body any) error {
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	if err := d.Decode(body); err != nil {
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return large
		}
		return fmt.Errorf("ERR failed to parse the request body as JSON: %w", err)
	}
	return nil
}

func decodeMany(r *http.Request) ([][]any, error) {
	var raw [][]any
	if err := decode(r, &raw); err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, errors.New("ERR empty pipeline request")
	}
	for i := range raw {
		args, err := arguments(raw[i])
		if err != nil {
			return nil, err
		}
		raw[i] = args
	}
	return raw, nil
}

// arguments checks one command: a name and its arguments, as strings, numbers or booleans.
func arguments(raw []any) ([]any, error) {
	if len(raw) == 0 {
		return nil, errors.New("ERR empty command")
	}
	args := make([]any, len(raw))
	for i, a := range raw {
		switch a := a.(type) {
		case string:
			args[i] = a
		case json.Number:
			args[i] = a.String() // a float64 would round it
		case bool:
			args[i] = fmt.Sprint(a)
		case nil:
			return nil, errors.New("ERR null args are not supported")
		default:
			return nil, errors.New("ERR unsupported arg type: a command is an array of strings, numbers and booleans")
		}
	}
	return args, nil
}

// stateful reports whether a command changes a connection, or holds it: it makes no sense without one of one's own.
func stateful(args []any) bool {
	switch name(args) {
	case "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "SELECT", "AUTH", "HELLO", "QUIT", "CLIENT", "RESET",
		"MONITOR", "SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE",
		"BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP":
		return true
	}
	return false
}

func unavailable(args []any) string { return "ERR Command is not available: '" + name(args) + "'" }

func name(args []any) string { return strings.ToUpper(args[0].(string)) }
