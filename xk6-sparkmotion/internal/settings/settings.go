// Package settings reads the options of a call: from the object that a script passes, else from the environment, else from k6's
// secret source.
//
// A call's options are a struct whose fields carry tags:
//
//	js:"url"          the key in the options object
//	env:"ADMIN_URL"   the setting it is read from when the object has no such key
//	default:"60s"     its value when both are missing
//	need:"true"       missing is an error; with another word it is one when the struct's own method Needs(word) says so
//	form:"url"        it must be an http or https URL with a host
//	above:"0"         it must be above that number
//	secret:"true"     k6's secret source is asked for it, under the setting's name, when the environment has none
//
// Fields are strings, booleans, numbers, slices of strings, durations (k6's "1m30s", or milliseconds), or read their text themselves.
package settings

import (
	"cmp"
	"errors"
	"fmt"
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
func (r *Reader) Environment(name string) string {
	env := r.Runtime.Get("__ENV")
	if name == "" || common.IsNullish(env) {
		return ""
	}
	value := env.ToObject(r.Runtime).Get(name)
	if common.IsNullish(value) {
		return ""
	}
	return strings.TrimSpace(value.String())
}

// Read fills options, a pointer to a call's struct. An unknown key, a value of the wrong kind, and the names of all settings
// that are missing are errors.
func (r *Reader) Read(given sobek.Value, options any) error {
	fields := reflect.ValueOf(options).Elem()
	known := make(map[string]field, fields.NumField())
	for i := range fields.NumField() {
		f := field{fields.Field(i), fields.Type().Field(i).Tag}
		known[f.tag.Get("js")] = f
		text := cmp.Or(r.Environment(f.tag.Get("env")), f.tag.Get("default"))
		if text == "" {
			continue
		}
		if err := f.set(r.Runtime.ToValue(text), r.Runtime); err != nil {
			return fmt.Errorf("%s: %w", f.tag.Get("env"), err)
		}
	}
	if err := r.override(given, known); err != nil {
		return err
	}
	return r.complete(fields)
}

// override sets the fields for which the caller's object has a key.
func (r *Reader) override(given sobek.Value, known map[string]field) error {
	if common.IsNullish(given) {
		return nil
	}
	object, ok := given.(*sobek.Object)
	if !ok {
		return errors.New("options must be an object") // not the value: it may be a password
	}
	for _, key := range object.Keys() {
		f, ok := known[key]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			return fmt.Errorf("unknown option %q; it takes %s", key, strings.Join(names, ", "))
		}
		value := object.Get(key)
		if common.IsNullish(value) {
			continue // {url: __ENV.NOT_SET} means the default, as in JavaScript
		}
		if err := f.set(value, r.Runtime); err != nil {
			return fmt.Errorf("option %s: %w", key, err)
		}
	}
	return nil
}

// complete fills in secrets, and looks for what is needed and missing, and for URLs that are none.
func (r *Reader) complete(fields reflect.Value) error {
	needs := func(string) bool { return true }
	if own, ok := reflect.TypeAssert[interface{ Needs(word string) bool }](fields); ok {
		needs = own.Needs
	}
	var missing []string
	for i := range fields.NumField() {
		value, tag := fields.Field(i), fields.Type().Field(i).Tag
		name := tag.Get("env")
		var reason error
		if tag.Get("secret") != "" && value.IsZero() {
			var text string
			text, reason = r.Secrets.get(name)
			value.SetString(text)
		}
		text, _ := reflect.TypeAssert[string](value)
		need := tag.Get("need")
		needed := need != "" && value.IsZero() && needs(need)
		switch {
		case needed && reason != nil:
			missing = append(missing, fmt.Sprintf("%s (k6's secret source: %s)", name, reason))
		case needed:
			missing = append(missing, name)
		case tag.Get("form") == "url" && text != "":
			if err := CheckURL(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if len(missing) > 0 {
		return &MissingError{missing}
	}
	return nil
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
