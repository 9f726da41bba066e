package trpc

import (
	"encoding/json"
	"testing"
)

func TestRows(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]int{
		"[]": 0, " [ ] ": 0, "[1]": 1, "[[]]": 1, "[{}]": 1, `[""]`: 1, `["a,]\\","b"]`: 2, `[{"a":[1,2],"b":{"c":","}},null]`: 2,
		`{"json":[]}`: 0, `{"json":[{"at":"x"}],"meta":{"values":{"0.at":["Date"]}}}`: 1,
		"{}": -1, "null": -1, `"[]"`: -1, "": -1, `{"json":{"a":[]}}`: -1,
	} {
		n, ok := Rows(json.RawMessage(data))
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%s: %d, want %d", data, n, want)
		}
	}
}

// FuzzRows holds that a list has as many rows as encoding/json finds in it.
func FuzzRows(f *testing.F) {
	f.Add(`[{"a":"]\\\""},[1,[2]], "x" ]`)
	f.Fuzz(func(t *testing.T, text string) {
		var list []json.RawMessage
		if json.Unmarshal([]byte(text), &list) != nil || list == nil {
			return
		}
		for _, data := range []string{text, `{"json":` + text + "}"} {
			if n, ok := Rows(json.RawMessage(data)); !ok || n != len(list) {
				t.Errorf("%s: %d, %v, want %d", data, n, ok, len(list))
			}
		}
	})
}
