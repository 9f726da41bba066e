package sparkmotion

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib/types"
)

// A call's options are a struct whose fields carry tags:
//
//	js:"url"          the key in the options object
//	env:"ADMIN_URL"   the setting it is read from when the object has no such key
//	default:"60s"     its value when both are missing
//	need:"true"       missing is an error; with another word it is one when the struct's own method needs(word) says so
//	form:"url"        it must be an http or https URL with a host
//	secret:"true"     k6's secret source is asked for it, under the setting's name, when the environment has none
//
// Fields are strings, booleans, numbers, slices of strings, or durations: k6's "1m30s", or milliseconds.

// environment gives a setting from -e or the environment, as scripts see it in __ENV.
func (m *module) environment(name string) string {
	env := m.vu.Runtime().Get("__ENV")
	if common.IsNullish(env) {
		return ""
	}
	value := env.ToObject(m.vu.Runtime()).Get(name)
	if common.IsNullish(value) {
		return ""
	}
	return value.String()
}

// options fills into, a pointer to a call's options struct. An unknown key, a value of the wrong kind, and the names
// of all settings that are missing are errors.
func (m *module) options(call string, given sobek.Value, into any) error {
	fields := reflect.ValueOf(into).Elem()
	known := make(map[string]reflect.Value, fields.NumField())
	for i := range fields.NumField() {
		tag := fields.Type().Field(i).Tag
		known[tag.Get("js")] = fields.Field(i)
		text := cmp.Or(m.environment(tag.Get("env")), tag.Get("default"))
		if text == "" {
			continue
		}
		if err := set(fields.Field(i), m.vu.Runtime().ToValue(text), m.vu.Runtime()); err != nil {
			return fmt.Errorf("%s: %s: %w", call, tag.Get("env"), err)
		}
	}
	if err := m.override(call, given, known); err != nil {
		return err
	}
	return m.check(call, fields)
}

// override sets the fields for which the caller's object has a key.
func (m *module) override(call string, given sobek.Value, known map[string]reflect.Value) error {
	if common.IsNullish(given) {
		return nil
	}
	object, ok := given.(*sobek.Object)
	if !ok {
		return fmt.Errorf("%s: options must be an object", call) // not the value: it may be a password
	}
	for _, key := range object.Keys() {
		field, ok := known[key]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return fmt.Errorf("%s: unknown option %q; it takes %s", call, key, strings.Join(names, ", "))
		}
		value := object.Get(key)
		if common.IsNullish(value) {
			continue // {url: __ENV.NOT_SET} means the default, as in JavaScript
		}
		if err := set(field, value, m.vu.Runtime()); err != nil {
			return fmt.Errorf("%s: option %s: %w", call, key, err)
		}
	}
	return nil
}

// set converts value to the field's type. Settings from the environment are text, also for numbers.
func set(field reflect.Value, value sobek.Value, rt *sobek.Runtime) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := types.GetDurationValue(value.Export())
		if err != nil {
			return err
		}
		field.SetInt(int64(d))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		text, ok := value.Export().(string)
		if !ok {
			return errors.New("a string is expected") // not the value: it may be a password
		}
		field.SetString(text)
	case reflect.Bool:
		yes, ok := value.Export().(bool)
		if !ok {
			return fmt.Errorf("true or false is expected, got %s", value)
		}
		field.SetBool(yes)
	case reflect.Int, reflect.Float64:
		number := numberOf(value)
		switch {
		case math.IsNaN(number) || math.IsInf(number, 0):
			return fmt.Errorf("a number is expected, got %s", value)
		case field.Kind() == reflect.Int && (number != math.Trunc(number) || math.Abs(number) > maxSafe):
			return fmt.Errorf("a whole number is expected, got %s", value)
		}
		field.Set(reflect.ValueOf(number).Convert(field.Type()))
	default:
		return rt.ExportTo(value, field.Addr().Interface())
	}
	return nil
}

// numberOf is a number, also one written as text; NaN for all else, of which JavaScript would make a number too.
func numberOf(value sobek.Value) float64 {
	switch v := value.Export().(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case string:
		if number, err := strconv.ParseFloat(v, 64); err == nil {
			return number
		}
	}
	return math.NaN()
}

// check fills in secrets, and looks for what is needed and missing, and for URLs that are none.
func (m *module) check(call string, fields reflect.Value) error {
	needs := func(string) bool { return true }
	if own, ok := fields.Interface().(interface{ needs(word string) bool }); ok {
		needs = own.needs
	}
	var missing []string
	for i := range fields.NumField() {
		field, tag := fields.Field(i), fields.Type().Field(i).Tag
		name := tag.Get("env")
		var reason error
		if tag.Get("secret") != "" && field.IsZero() {
			var text string
			text, reason = m.secret(name)
			field.SetString(text)
		}
		text, _ := field.Interface().(string)
		need := tag.Get("need")
		needed := need != "" && field.IsZero() && needs(need)
		switch {
		case needed && reason != nil:
			missing = append(missing, fmt.Sprintf("%s (k6's secret source: %s)", name, reason))
		case needed:
			missing = append(missing, name)
		case tag.Get("form") == "url" && text != "":
			if err := checkURL(text); err != nil {
				return fmt.Errorf("%s: %s: %w", call, name, err)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s needs %s: set it in the environment, or pass it as an option", call, strings.Join(missing, ", "))
	}
	return nil
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return errors.New("an http or https URL with a host is expected, such as https://sparkmotion.net") // not the value: it may hold a password
	}
	return nil
}
