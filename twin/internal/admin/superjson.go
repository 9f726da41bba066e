package admin

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
)

// superjson wraps a value as the superjson transformer does: the JSON, and in meta which of its strings are Dates.
func superjson(v any) any {
	dates := map[string][]string{}
	findDates(reflect.ValueOf(v), "", dates)
	if len(dates) == 0 {
		return map[string]any{"json": v}
	}
	return map[string]any{"json": v, "meta": map[string]any{"values": dates, "v": 1}} // version 1 of the paths
}

var dateType = reflect.TypeFor[database.Time]()

// findDates notes the path of every Date in v, such as "0.tappedAt".
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
