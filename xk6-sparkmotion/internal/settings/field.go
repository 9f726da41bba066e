package settings

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib/types"
)

// MaxSafe is JavaScript's Number.MAX_SAFE_INTEGER.
const MaxSafe = 1<<53 - 1

// field is one option of a call.
type field struct {
	value   reflect.Value
	tag     reflect.StructTag
	refused bool // what was given for it
}

// fieldsOf returns the fields of a pointer to a struct, and of the structs that it embeds.
func fieldsOf(options any) []field {
	value := reflect.ValueOf(options).Elem()
	var fields []field
	for _, f := range reflect.VisibleFields(value.Type()) {
		if !f.Anonymous {
			fields = append(fields, field{value: value.FieldByIndex(f.Index), tag: f.Tag})
		}
	}
	return fields
}

// missing reports whether nothing was given for the field.
func (f *field) missing() bool { return f.value.IsZero() && !f.refused }

// set converts given to the field's type, and holds it to the field's bound. Settings from the environment are text, also for numbers.
func (f *field) set(given sobek.Value, rt *sobek.Runtime) error {
	err := f.convert(given, rt)
	if err == nil {
		err = f.bounded()
	}
	f.refused = err != nil
	return err
}

func (f *field) bounded() error {
	least, bound := f.tag.Lookup("above")
	if !bound {
		return nil
	}
	above, err := strconv.ParseFloat(least, 64)
	if err != nil {
		return err
	}
	if number := f.value.Convert(reflect.TypeFor[float64]()).Float(); number <= above {
		return fmt.Errorf("must be above %s, got %v", least, f.value.Interface())
	}
	return nil
}

func (f *field) convert(given sobek.Value, rt *sobek.Runtime) error {
	if f.value.Type() == reflect.TypeFor[time.Duration]() {
		d, err := Duration(given)
		f.value.SetInt(int64(d))
		return err
	}
	if own, ok := reflect.TypeAssert[encoding.TextUnmarshaler](f.value.Addr()); ok {
		return own.UnmarshalText([]byte(given.String()))
	}
	switch f.value.Kind() {
	case reflect.String:
		text, ok := given.Export().(string)
		if !ok {
			return errors.New("a string is expected") // not the value: it may be a password
		}
		text, err := f.text(text)
		f.value.SetString(text)
		return err
	case reflect.Bool:
		yes, ok := given.Export().(bool)
		if text, isText := given.Export().(string); isText && f.tag.Get("env") != "" { // a setting is a text, 1 or true
			parsed, err := strconv.ParseBool(text)
			yes, ok = parsed, err == nil
		}
		if !ok {
			return fmt.Errorf("true or false is expected, got %s", given)
		}
		f.value.SetBool(yes)
	case reflect.Int, reflect.Float64:
		number := Number(given)
		switch {
		case math.IsNaN(number) || math.IsInf(number, 0):
			return fmt.Errorf("a number is expected, got %s", given)
		case f.value.Kind() == reflect.Int && (number != math.Trunc(number) || math.Abs(number) > MaxSafe):
			return fmt.Errorf("a whole number is expected, got %s", given)
		}
		f.value.Set(reflect.ValueOf(number).Convert(f.value.Type()))
	case reflect.Slice:
		list, err := f.list(given, rt)
		f.value.Set(reflect.ValueOf(list))
		return err
	case reflect.Map:
		if f.value.Type() == reflect.TypeFor[map[string]string]() {
			texts, err := textsOf(given)
			f.value.Set(reflect.ValueOf(texts))
			return err
		}
		return rt.ExportTo(given, f.value.Addr().Interface())
	default:
		return rt.ExportTo(given, f.value.Addr().Interface())
	}
	return nil
}

// list returns a list of texts, none of which is empty. A setting is one text, with commas.
func (f *field) list(given sobek.Value, rt *sobek.Runtime) ([]string, error) {
	var items []any
	if text, ok := given.Export().(string); ok && f.tag.Get("env") != "" {
		for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			items = append(items, item)
		}
	} else if array, ok := given.(*sobek.Object); !ok || array.ClassName() != "Array" || rt.ExportTo(given, &items) != nil {
		return nil, errors.New("an array of strings is expected")
	}
	list := make([]string, 0, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok || text == "" {
			return nil, fmt.Errorf("an array of strings is expected, none of them empty: entry %d is none", i+1)
		}
		text, err := f.text(text)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		list = append(list, text)
	}
	return list, nil
}

// textsOf returns an object's texts, by name. JavaScript would also write null, a list or an object as text.
func textsOf(given sobek.Value) (map[string]string, error) {
	object := plain(given)
	if object == nil {
		return nil, errors.New("an object of strings is expected")
	}
	texts := make(map[string]string)
	for _, name := range object.Keys() {
		value := object.Get(name)
		switch value.Export().(type) {
		case string, int64, float64, bool:
			texts[name] = value.String()
		default:
			return nil, fmt.Errorf("an object of strings is expected, and that of %q is none", name) // not the value: it may be a password
		}
	}
	return texts, nil
}

// Duration returns a duration: k6's text, such as 1m30s, or milliseconds.
func Duration(given sobek.Value) (time.Duration, error) {
	if ms := Number(given); !math.IsNaN(ms) {
		if ns := ms * float64(time.Millisecond); math.Abs(ns) < math.MaxInt64 {
			return time.Duration(ns), nil
		}
	} else if text, ok := given.Export().(string); ok {
		if d, err := types.ParseExtendedDuration(text); err == nil {
			return d, nil
		}
	}
	return 0, fmt.Errorf("a duration is expected, such as 1m30s, or milliseconds, got %s", given)
}

// Number returns a number, also one written as text, and NaN for anything else that JavaScript would convert.
func Number(value sobek.Value) float64 {
	switch v := value.Export().(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case string:
		if number, err := strconv.ParseFloat(v, 64); err == nil && !strings.ContainsAny(v, "xX") { // Go's hexadecimal isn't JavaScript's
			return number
		}
	}
	return math.NaN()
}
