package admin

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
)

// value is a JavaScript value: JSON's, and by superjson of other kinds at the top and in the fields below it.
type value struct {
	json  any
	kind  string            // as Zod calls it
	kinds map[string]string // of fields, where superjson says
}

// special are superjson's names of kinds, as Zod calls them.
var special = map[string]string{
	"Date": "date", "undefined": "undefined", "bigint": "bigint", "number": "nan", "set": "set", "map": "map",
	"regexp": "object", "Error": "object", "URL": "object",
}

// decode reads an input; under superjson it's {"json":…,"meta":…}.
func (a *Admin) decode(raw json.RawMessage) (*value, error) {
	if !a.Superjson {
		return newValue(raw), nil
	}
	if string(raw) == "null" {
		return nil, errors.New("Cannot destructure property 'json' of 'payload' as it is null.") //nolint:staticcheck,revive // superjson's words
	}
	var payload struct {
		JSON json.RawMessage
		Meta struct{ Values json.RawMessage }
	}
	_ = json.Unmarshal(raw, &payload) // anything else has no json: it's undefined
	v := newValue(payload.JSON)
	if v == nil {
		return nil, nil
	}
	var (
		top    []any
		fields map[string]any
	)
	if json.Unmarshal(payload.Meta.Values, &top) == nil {
		v.kind = kindOf(top, v.kind)
	} else if json.Unmarshal(payload.Meta.Values, &fields) == nil {
		for name, kind := range fields {
			if of := kindOf(kind, ""); of != "" {
				v.kinds[name] = of
			}
		}
	}
	return v, nil
}

// kindOf reads superjson's annotation of a value, such as ["Date"].
func kindOf(annotation any, otherwise string) string {
	if names, ok := annotation.([]any); ok && len(names) > 0 {
		if name, ok := names[0].(string); ok && special[name] != "" {
			return special[name]
		}
	}
	return otherwise
}

func newValue(raw json.RawMessage) *value {
	if raw == nil {
		return nil
	}
	v := &value{kinds: map[string]string{}}
	_ = json.Unmarshal(raw, &v.json) // it was JSON when it was cut out of the request
	v.kind = kind(v.json)
	return v
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

// superjson wraps a value as the superjson transformer does: the JSON, and in meta which of its strings are Dates.
func superjson(v any) any {
	dates := map[string][]string{}
	if _, ok := v.([]database.Row); !ok { // which has none, and may be long
		findDates(reflect.ValueOf(v), "", dates)
	}
	if len(dates) == 0 {
		return map[string]any{"json": v}
	}
	return map[string]any{"json": v, "meta": map[string]any{"values": dates, "v": 1}} // version 1 of the paths
}

var dateType = reflect.TypeFor[database.Time]()

// findDates notes the path of every Date in v, such as "0.startTime".
func findDates(v reflect.Value, path string, dates map[string][]string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			findDates(v.Elem(), path, dates)
		}
	case reflect.Slice:
		for i := range v.Len() {
			findDates(v.Index(i), join(path, strconv.Itoa(i)), dates)
		}
	case reflect.Struct:
		if v.Type() == dateType {
			dates[path] = []string{"Date"}
			return
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			findDates(v.Field(i), join(path, name), dates)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
