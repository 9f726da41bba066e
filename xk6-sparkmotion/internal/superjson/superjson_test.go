package superjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"github.com/grafana/sobek"
)

func codec(s *vutest.Script) Codec { return Codec{Runtime: s.VU.Runtime(), Transformer: Name} }

// The wanted texts are what superjson 2 gives, key for key.
func TestSuperjson(t *testing.T) {
	t.Parallel()
	for js, want := range map[string]string{
		"{a: 1, b: 'x', c: null, d: [true]}":   `{"json":{"a":1,"b":"x","c":null,"d":[true]}}`,
		"5":                                    `{"json":5}`,
		"null":                                 `{"json":null}`,
		"undefined":                            `{"json":null,"meta":{"values":["undefined"],"v":1}}`,
		"new Date(0)":                          `{"json":"1970-01-01T00:00:00.000Z","meta":{"values":["Date"],"v":1}}`,
		"{a: undefined}":                       `{"json":{"a":null},"meta":{"values":{"a":["undefined"]},"v":1}}`,
		"{a: {b: [0, new Date(5)]}}":           `{"json":{"a":{"b":[0,"1970-01-01T00:00:00.005Z"]}},"meta":{"values":{"a.b.1":["Date"]},"v":1}}`,
		"{'a.b': new Date(0), 'c\\\\d': 5n}":   `{"json":{"a.b":"1970-01-01T00:00:00.000Z","c\\d":"5"},"meta":{"values":{"a\\.b":["Date"],"c\\\\d":["bigint"]},"v":1}}`,
		"[-0, {zero: -0}]":                     `{"json":["-0",{"zero":"-0"}],"meta":{"values":{"0":["number"],"1.zero":["number"]},"v":1}}`,
		"[new Date(8.64e15), new Date(-1e14)]": `{"json":["+275760-09-13T00:00:00.000Z","-001199-02-15T14:13:20.000Z"],"meta":{"values":{"0":["Date"],"1":["Date"]},"v":1}}`,
		"{a: new (class { toJSON() { return 5 } })()}": `{"json":{"a":5}}`,
		"[NaN, Infinity, -Infinity, 1.5, 2]":           `{"json":["NaN","Infinity","-Infinity",1.5,2],"meta":{"values":{"0":["number"],"1":["number"],"2":["number"]},"v":1}}`,
		"{n: 123456789012345678901234567890n}":         `{"json":{"n":"123456789012345678901234567890"},"meta":{"values":{"n":["bigint"]},"v":1}}`,
	} {
		s := vutest.New(t, nil, nil).Init()
		got, err := codec(s).Encode(s.Run("(" + js + ")"))
		if err != nil {
			t.Errorf("%s: %v", js, err)
		}
		vutest.Equal(t, js, got, want)
	}
}

// What goes out comes back the same.
func TestSuperjsonRoundTrip(t *testing.T) {
	t.Parallel()
	for _, js := range []string{
		"1", "'x'", "null", "undefined", "[]", "{}", "new Date(1e12)", "-Infinity", "NaN", "7n", "-0", "{'': 1n, x: {'': [1n]}}", "[-0, 0]", "[undefined, [undefined]]",
		"{a: {b: {c: new Date(1)}}, 'a.b.c': new Date(2), 'a\\\\.b': {'.': 1n, '\\\\': undefined}}",
		"{'Straße.😀': new Date(1)}",
		"{list: [{at: new Date(1)}, {at: new Date(2)}, {at: null}], n: 9007199254740993n}",
	} {
		s := vutest.New(t, nil, nil).Init()
		text, err := codec(s).Encode(s.Run("(" + js + ")"))
		if err != nil {
			t.Fatalf("%s: %v", js, err)
		}
		back, err := codec(s).Decode(json.RawMessage(text))
		if err != nil {
			t.Fatalf("%s by %s: %v", js, text, err)
		}
		if err := s.VU.Runtime().Set("back", back); err != nil {
			t.Fatal(err)
		}
		vutest.Equal(t, js+" by "+text, s.Show("back"), s.Show(js))
	}
}

func TestSuperjsonErrors(t *testing.T) {
	t.Parallel()
	s := vutest.New(t, nil, nil).Init()
	for js, want := range map[string]string{
		"{a: [new Map()]}":                            `superjson: a Map at "a.0" is not supported`,
		"[new Set([1])]":                              `superjson: a Set at "0" is not supported`,
		"() => 1":                                     `superjson: a Function at "" is not supported`,
		"{at: new Date(NaN)}":                         `superjson: a Date at "at" is not supported`,
		"{a: {constructor: 1}}":                       `superjson: the key constructor is refused, as it could pollute prototypes`,
		"JSON.parse('{\"__proto__\":1}')":             `superjson: the key __proto__ is refused, as it could pollute prototypes`,
		"{a: {'\\ud83d': 1}}":                         `superjson: a key at "a" is not valid Unicode`,
		"(() => { let a = {}; a.a = a; return a })()": "superjson: nested deeper than 500 levels: does it contain itself?",
	} {
		_, err := codec(s).Encode(s.Run("(" + js + ")"))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", js, err, want)
		}
	}
}

// An answer with annotations that don't fit is an error, or is left as its JSON; never a crash.
func TestReviveWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"json":1,"meta":{"values":[]}}`:                                   "1",
		`{"json":1,"meta":{"values":null}}`:                                 "1",
		`{"json":1,"meta":null}`:                                            "1",
		`{"json":{"s":[1]},"meta":{"values":{"s":["set"]}}}`:                "{s:[1]}",
		`{"json":{"c":1},"meta":{"values":{"c":[["class","C"]]}}}`:          "{c:1}",
		`{"json":[["k","1"]],"meta":{"values":["map",{"0.1":["bigint"]}]}}`: `[["k",1n]]`,
		`{"json":{"a\\b":"1"},"meta":{"values":{"a\\b":["bigint"]}}}`:       `{a\b:1n}`, // by an older superjson
		`{"json":"x","meta":{"values":["bigint"]}}`:                         `"x"`,
		`{"json":"x","meta":{"values":["number"]}}`:                         `"x"`,
		`{"json":{"a":"1"},"meta":{"values":{"__proto__.x":["Date"]}}}`:     `error: superjson: nothing at "__proto__.x"`,
		`{"a":1}`: "error: the data is not superjson: remove TRPC_TRANSFORMER (the option transformer)",
		`1`:       "error: the data is not superjson: remove TRPC_TRANSFORMER (the option transformer)",
		`{"json":{},"meta":{"values":{"a":["bigint"]}}}`:   `error: superjson: nothing at "a"`,
		`{"json":{},"meta":{"values":{"a.b":["bigint"]}}}`: `error: superjson: nothing at "a.b"`,
		`{"json":{"a":1},"meta":{"values":{"a":1}}}`:       `error: superjson: the annotation at "a" is not a tree`,
	} {
		vutest.Equal(t, text, revived(t, text), want)
	}
}

// revived is what an answer's data becomes, shown, or the error thrown for it.
func revived(t *testing.T, text string) string {
	t.Helper()
	s := vutest.New(t, nil, nil).Init()
	decode := func() (sobek.Value, error) { return codec(s).Decode(json.RawMessage(text)) }
	if err := s.VU.Runtime().Set("decode", decode); err != nil {
		t.Fatal(err)
	}
	return s.Run(vutest.Shown + "(() => { try { return show(decode()) } catch (e) { return 'error: ' + e.message } })()").String()
}

// FuzzRevive holds that no answer brings the process down.
func FuzzRevive(f *testing.F) {
	for _, seed := range []string{
		`{"json":{"a":"1"},"meta":{"values":{"a":["Date"]}}}`, `{"json":[1],"meta":{"values":[{},{"0":[[]]}]}}`,
		`{"json":null,"meta":{"values":{"":["Date"]}}}`, `{"json":"x","meta":{"values":["Date",{"length":["bigint"]}]}}`,
		`{"json":{},"meta":{"values":{"__proto__.x":["Date"]}}}`, `{"json":[],"meta":{"values":{"length":["number"]}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { revived(t, text) })
}

func FuzzSplitPath(f *testing.F) {
	f.Add("a.b", `c\`)
	f.Add("", "...")
	f.Add("Straße", "😀")
	f.Fuzz(func(t *testing.T, one, two string) {
		joined := escapeDots.Replace(one) + "." + escapeDots.Replace(two)
		if got := splitPath(joined); len(got) != 2 || got[0] != one || got[1] != two {
			t.Errorf("%q, %q became %q", one, two, strings.Join(got, " | "))
		}
	})
}
