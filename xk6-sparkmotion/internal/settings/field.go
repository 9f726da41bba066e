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
	value reflect.Value
	tag   reflect.StructTag
}

// set converts given to the field's type, and holds it to the field's bound. Settings from the environment are text, also for numbers.
func (f field) set(given sobek.Value, rt *sobek.Runtime) error {
	if err := f.convert(given, rt); err != nil {
		return err
	}
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

func (f field) convert(given sobek.Value, rt *sobek.Runtime) error {
	if f.value.Type() == reflect.TypeFor[time.Duration]() {
		d, err := types.GetDurationValue(given.Export())
		if err != nil {
			return err
		}
		f.value.SetInt(int64(d))
		return nil
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
		f.value.SetString(text)
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
		if text, ok := given.Export().(string); ok && f.tag.Get("env") != "" { // a setting is a text, with commas
			f.value.Set(reflect.ValueOf(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })))
			return nil
		}
		return rt.ExportTo(given, f.value.Addr().Interface())
	default:
		return rt.ExportTo(given, f.value.Addr().Interface())
	}
	return nil
}

// Number returns a number, also one written as text, and NaN for anything else that JavaScript would convert.
func Number(value sobek.Value) float64 {
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
