// Package settings reads the options of a call: from the object that a script passes, else from the environment, else from k6's
// secret source.
//
// A call's options are a struct whose fields carry tags:
//
//	js:"url"          the key in the options object
//	env:"ADMIN_URL"   the setting it is read from when the object has no such key
//	default:"60s"     its value when both are missing
//	need:"true"       missing is an error; with another word it is one when the struct's own method Needs(word) says so
//	form:"url"        it must be an http or https URL with a host; "host": a host, or a URL there; "line": one line of text;
//	                  "password": the same, and blanks at its ends are its own
//	oneof:"even odd"  it must be one of these words
//	above:"0"         it must be above that number
//	secret:"true"     k6's secret source is asked for it, under the setting's name, when the environment has none
//
// Fields are strings, booleans, numbers, slices of strings, maps to strings, durations (k6's "1m30s", or milliseconds), or read their text
// themselves. Those of an embedded struct are the call's too.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
)

// Reader reads options in one VU.
type Reader struct {
	Runtime *sobek.Runtime
	Secrets *Secrets // nil when k6 runs without a secret source
}

// MissingError names the settings that a call needs and lacks.
type MissingError struct{ Names []string }

func (e *MissingError) Error() string {
	if len(e.Names) > 1 {
		return "needs " + strings.Join(e.Names, ", ") + ": set them in the environment, or pass them as options"
	}
	return "needs " + strings.Join(e.Names, ", ") + ": set it in the environment, or pass it as an option"
}

// Environment returns a setting from -e or the environment, as scripts see it in __ENV, without white space around it.
func (r *Reader) Environment(name string) string { return strings.TrimSpace(r.environment(name)) }

func (r *Reader) environment(name string) string {
	env := r.Runtime.Get("__ENV")
	if name == "" || common.IsNullish(env) {
		return ""
	}
	value := env.ToObject(r.Runtime).Get(name)
	if common.IsNullish(value) {
		return ""
	}
	return value.String()
}

// Read fills options, a pointer to a call's struct. Its error names all that is wrong: the settings that are missing, values of the wrong kind,
// and an unknown key.
func (r *Reader) Read(given sobek.Value, options any) error {
	fields := fieldsOf(options)
	known := make(map[string]*field, len(fields))
	var wrong []error
	for i := range fields {
		f := &fields[i]
		known[f.tag.Get("js")] = f
		text := r.environment(f.tag.Get("env"))
		if f.tag.Get("form") != "password" {
			text = strings.TrimSpace(text)
		}
		if text = cmp.Or(text, f.tag.Get("default")); text == "" {
			continue
		}
		if err := f.set(r.Runtime.ToValue(text), r.Runtime); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", f.tag.Get("env"), err))
		}
	}
	wrong = append(wrong, r.override(given, known)...)
	malformed, missing := r.complete(options, fields)
	return errors.Join(append([]error{missing}, append(wrong, malformed...)...)...)
}

// override sets the fields for which the caller's object has a key.
func (r *Reader) override(given sobek.Value, known map[string]*field) (wrong []error) {
	if common.IsNullish(given) {
		return nil
	}
	object := plain(given)
	if object == nil {
		return []error{errors.New("options must be an object")} // not the value: it may be a password
	}
	for _, key := range object.Keys() {
		f, ok := known[key]
		if !ok {
			wrong = append(wrong, fmt.Errorf("unknown option %q; it takes %s", key, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
			continue
		}
		value := object.Get(key)
		if common.IsNullish(value) {
			continue // {url: __ENV.NOT_SET} means the default, as in JavaScript
		}
		if err := f.set(value, r.Runtime); err != nil {
			wrong = append(wrong, fmt.Errorf("option %s: %w", key, err))
		}
	}
	return wrong
}

// plain returns an object of keys and values, and nil for a list, a function, a Map and whatever else is an object in JavaScript.
func plain(given sobek.Value) *sobek.Object {
	if object, ok := given.(*sobek.Object); ok && object.ExportType() == reflect.TypeFor[map[string]any]() {
		return object
	}
	return nil
}

// complete fills in secrets, and looks for what is needed and missing, and for URLs that are none.
func (r *Reader) complete(options any, fields []field) (wrong []error, missing error) {
	needs := func(string) bool { return true }
	if own, ok := options.(interface{ Needs(word string) bool }); ok {
		needs = own.Needs
	}
	var names []string
	for _, f := range fields {
		name, need := f.tag.Get("env"), f.tag.Get("need")
		var reason error
		if f.tag.Get("secret") != "" && f.missing() {
			var text string
			if text, reason = r.Secrets.get(name); text != "" {
				if err := f.set(r.Runtime.ToValue(text), r.Runtime); err != nil {
					wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
				}
			}
		}
		text, _ := reflect.TypeAssert[string](f.value)
		needed := need != "" && f.missing() && needs(need)
		switch {
		case needed && reason != nil:
			names = append(names, fmt.Sprintf("%s (k6's secret source: %s)", name, reason))
		case needed:
			names = append(names, name)
		case f.tag.Get("form") == "url" && text != "":
			if err := CheckURL(text); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	if len(names) > 0 {
		missing = &MissingError{names}
	}
	return wrong, missing
}

// CheckURL returns why text is not an origin for requests, or nil. It does not repeat the text, which may hold a password.
func CheckURL(text string) error {
	const such = ", such as https://sparkmotion.net"
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return errors.New("an http or https URL with a host is expected" + such)
	}
	if strings.ContainsAny(text, "?#") {
		return errors.New("an origin is expected" + such + ": leave its query and fragment out")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("a port is a number from 1 to 65535")
		}
	}
	return nil
}
