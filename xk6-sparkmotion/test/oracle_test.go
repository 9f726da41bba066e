package test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"github.com/dop251/goja"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

// What we encode is compared with what JavaScript makes of the same: goja, which is not the engine that k6 runs scripts
// in. Values are made as JavaScript, so that a failure names the expression that shows it.

var seed = flag.Uint64("seed", 0, "of the oracle's values; 0 for another one each time")

// oracle is a JavaScript of its own.
type oracle struct {
	t  *testing.T
	js *goja.Runtime
}

func newOracle(t *testing.T) *oracle { return &oracle{t, goja.New()} }

// says evaluates JavaScript to a text, or the name of the error that it throws.
func (o *oracle) says(js string) string {
	o.t.Helper()
	value, err := o.js.RunString("(() => { try { return String(" + js + ") } catch (e) { return 'throws ' + e.name } })()")
	if err != nil {
		o.t.Fatalf("%s: %v", js, err)
	}
	return value.String()
}

// generator makes JavaScript expressions.
type generator struct {
	*rand.Rand
	plain bool // no more than superjson carries
}

func newGenerator(t *testing.T, plain bool) generator {
	t.Helper()
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat it with -seed %d", n)
		}
	})
	return generator{rand.New(rand.NewPCG(n, 0)), plain}
}

func (g generator) pick(all ...string) string { return all[g.IntN(len(all))] }

// value is an expression of any kind.
func (g generator) value(depth int) string {
	switch n := g.IntN(12); {
	case n < 3:
		return g.number()
	case n < 5:
		return g.text()
	case n == 5:
		return g.pick("null", "true", "false", "undefined")
	case n == 6:
		return g.date()
	case n == 7 && g.plain:
		return g.pick("10n", "-12345678901234567890n", "NaN", "-Infinity", "-0")
	case n == 7:
		return g.odd(depth)
	case depth == 0:
		return g.pick("[]", "{}")
	case n < 10:
		return g.object(depth - 1)
	}
	return g.array(depth - 1)
}

// number has any magnitude.
func (g generator) number() string {
	switch g.IntN(4) {
	case 0:
		return g.pick("-0", "NaN", "Infinity", "5e-324", "1.7976931348623157e308", "9007199254740993", "1e21", "999999999999999900000", "1e-6", "1e-7")
	case 1:
		return strconv.Itoa(g.IntN(2001) - 1000)
	case 2: // around a power of ten, where the notation changes
		return strconv.FormatFloat(math.Pow10(g.IntN(60)-30)*(1+g.Float64()/1e3), 'g', -1, 64)
	}
	for {
		f := math.Float64frombits(g.Uint64())
		// Below the normal numbers both engines slip: they write 1.7429947505808318e-308 as A.429947505808318e-309.
		if size := math.Abs(f); size >= 0x1p-1022 && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
}

// text is any sequence of UTF-16 units, lone surrogates among them unless plain: the engines' JSON.parse loses those.
func (g generator) text() string {
	var b strings.Builder
	b.WriteByte('"')
	for range g.IntN(8) {
		unit := []int{g.IntN(0x80), g.IntN(0x80), g.IntN(0x10000), 0xD800 + g.IntN(0x800)}[g.IntN(4)]
		if g.plain && utf16.IsSurrogate(rune(unit)) {
			unit = 0xE9
		}
		fmt.Fprintf(&b, `\u%04x`, unit)
		if g.IntN(6) == 0 {
			b.WriteString(g.pick("\\ud83d\\ude00", " &+%/?#", "ä€", "\\u2028", "</script>"))
		}
	}
	return b.String() + `"`
}

// date has any year that JavaScript knows.
func (g generator) date() string {
	if !g.plain && g.IntN(5) == 0 {
		return "new Date(NaN)"
	}
	return "new Date(" + g.pick("0", "-1", "8.64e15", "-8.64e15", "-62167219200000", "-62198755200000", "253402300800000", "-62135596800001",
		strconv.FormatInt(g.Int64N(2*8.64e15)-8.64e15, 10), strconv.FormatInt(g.Int64N(2e12), 10)) + ")"
}

func (g generator) object(depth int) string {
	var members []string
	for range g.IntN(5) {
		key := "[" + g.text() + "]"
		switch {
		case g.IntN(2) == 0:
			key = "[" + g.pick(`"a"`, `"b.c"`, `"d\\e"`, `"\\."`, `""`, `"10"`, `"9"`, `"01"`, `"-1"`, `"4294967295"`, `"1.5"`) + "]"
		case !g.plain && g.IntN(3) == 0:
			key = g.pick(`["__proto__"]`, `"__proto__"`, "constructor", "toJSON", "length")
		}
		members = append(members, key+": "+g.value(depth))
	}
	// A literal may have only one __proto__: k6's engine and the oracle alike refuse a second.
	text := "({" + strings.Join(members, ", ") + "})"
	if strings.Count(text, `"__proto__":`) > 1 {
		return g.object(depth)
	}
	return text
}

func (g generator) array(depth int) string {
	var elements []string
	for range g.IntN(5) {
		if g.IntN(8) == 0 {
			elements = append(elements, "") // a hole
		} else {
			elements = append(elements, g.value(depth))
		}
	}
	if g.plain { // superjson loses holes at the end
		elements = append(elements, "0")
	}
	return "[" + strings.Join(elements, ", ") + "]"
}

// odd is what JSON has rules of its own for.
func (g generator) odd(depth int) string {
	below := "1"
	if depth > 0 {
		below = g.value(depth - 1)
	}
	return g.pick(
		"({toJSON: () => "+below+"})", "Object("+below+")", "new Number(5)", "new String("+g.text()+")", "new Boolean(false)",
		"Symbol('s')", "(() => 1)", "/x/g", "new Map([[1, 2]])", "new Set([1])", "new Error('x')", "new Uint8Array([1, 2])",
		"(function () { return arguments })(1, "+below+")", "new Proxy(["+below+"], {})", "10n",
		"new (class { constructor() { this.x = "+below+" } get y() { return 2 } })()",
		"new (class { constructor() { this.x = "+below+" } toJSON() { return [this.x] } })()",
		"Object.create({inherited: 1}, {hidden: {value: 2}, shown: {value: "+below+", enumerable: true}})",
		"Object.create(null, {a: {value: "+below+", enumerable: true}})")
}

// trpcInputs is an admin application that keeps the input of the last request.
func trpcInputs(t *testing.T) (s *vutest.Script, asked func() string) {
	t.Helper()
	uri := "nothing"
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		uri = r.RequestURI
		_, _ = w.Write([]byte(`{"result":{}}`))
	})
	s = newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"}).Start(1)
	return s, func() string {
		s.Emitted()
		last := uri
		uri = "nothing"
		return last
	}
}

// TestQueryEncodesAsJavaScript: the URL of a query is what a tRPC client in JavaScript makes of its input.
func TestQueryEncodesAsJavaScript(t *testing.T) {
	t.Parallel()
	o, g := newOracle(t), newGenerator(t, false)
	s, asked := trpcInputs(t)
	for range 1500 {
		js := g.value(4)
		want := "/api/trpc/a"
		switch text := o.says("JSON.stringify(" + js + ")"); {
		case strings.HasPrefix(text, "throws "):
			want = "nothing"
		case text != "undefined":
			want += "?input=" + o.says("encodeURIComponent(JSON.stringify("+js+"))")
		case o.says(js) != "undefined":
			want = "nothing" // a function or a symbol: a mistake of the script's, which we name
		}
		s.Run("(() => { try { sm.query(null, 'a', " + js + ") } catch (e) {} })()")
		if got := asked(); got != want {
			t.Fatalf("%s\nsent %s\nwant %s", js, got, want)
		}
	}
}

// TestBatchEncodesAsJavaScript: so is a batch's, with one entry for each input that there is.
func TestBatchEncodesAsJavaScript(t *testing.T) {
	t.Parallel()
	o, g := newOracle(t), newGenerator(t, true)
	s, asked := trpcInputs(t)
	for range 500 {
		one, two := g.value(3), g.value(3)
		text := o.says("encodeURIComponent(JSON.stringify({0: " + one + ", 1: " + two + "}))")
		want := "/api/trpc/a,b?batch=1&input=" + text
		if strings.HasPrefix(text, "throws ") {
			want = "nothing"
		}
		s.Run("(() => { try { sm.batch(null, [['a', " + one + "], ['b', " + two + "]]) } catch (e) {} })()")
		if got := asked(); got != want {
			t.Fatalf("%s, %s\nsent %s\nwant %s", one, two, got, want)
		}
	}
}

// revive undoes superjson by what its documentation says: meta.values is a tree of [types, {path: tree}], paths are
// keys joined with dots, in which a backslash escapes.
const revive = `
	const split = (path) => {
		const keys = [''];
		for (let i = 0; i < path.length; i++) {
			if (path[i] === '.') keys.push('');
			else keys[keys.length - 1] += path[path[i] === '\\' ? ++i : i];
		}
		return keys;
	};
	const types = { Date: (v) => new Date(v), bigint: BigInt, number: Number, undefined: () => undefined };
	const reviveTree = (value, tree) => {
		const [kinds, inner] = Array.isArray(tree) ? [tree.slice(0, 1), tree[1]] : [[], tree];
		for (const [path, below] of Object.entries(inner || {})) {
			const keys = split(path), last = keys.pop();
			const parent = keys.reduce((at, key) => at[key], value);
			if (!(last in parent)) throw new Error('nothing at ' + path);
			parent[last] = reviveTree(parent[last], below);
		}
		return kinds.reduce((v, kind) => types[kind](v), value);
	};
	const revive = ({ json, meta }) => meta ? reviveTree(json, meta.values) : json;
	const exact = (v) => Object.is(v, -0) ? '-0' : typeof v === 'bigint' ? v + 'n' : v instanceof Date ? 'Date ' + v.getTime()
		: Array.isArray(v) ? '[' + Array.from(v, (e, i) => i in v ? exact(e) : 'null') + ']'
		: v && typeof v === 'object' ? '{' + Object.keys(v).map((k) => JSON.stringify(k) + ':' + exact(v[k])) + '}'
		: typeof v === 'string' ? JSON.stringify(v) : String(v);
`

// TestSuperjsonRevivesInJavaScript: what superjson's wrapper says of an input brings back the input.
func TestSuperjsonRevivesInJavaScript(t *testing.T) {
	t.Parallel()
	o, g := newOracle(t), newGenerator(t, true)
	if _, err := o.js.RunString(revive); err != nil {
		t.Fatal(err)
	}
	s := newProcess(t, nil).Init()
	for range 1500 {
		js := g.value(4)
		text, err := superjson.Codec{Runtime: s.VU.Runtime(), Transformer: superjson.Name}.Encode(s.Run("(" + js + ")"))
		if err != nil {
			t.Fatalf("%s: %v", js, err)
		}
		if err := o.js.Set("wire", text); err != nil {
			t.Fatal(err)
		}
		if got, want := o.says("exact(revive(JSON.parse(wire)))"), o.says("exact("+js+")"); got != want {
			t.Fatalf("%s\nas    %s\nis    %s\nwant  %s", js, text, got, want)
		}
	}
}

// TestTapEncodesAsJavaScript: the link of a tap is what JavaScript makes of the band, on both lanes.
func TestTapEncodesAsJavaScript(t *testing.T) {
	t.Parallel()
	o, g := newOracle(t), newGenerator(t, true)
	var uri string
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) { uri = r.RequestURI })
	s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
	for range 500 {
		band := g.text()
		want := o.says("'/e?bandId=' + encodeURIComponent(" + band + ") + '&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest'")
		if strings.HasPrefix(want, "throws ") || o.says(band) == "" {
			continue // a lone surrogate has no URL; no band is a band of the pool
		}
		for lane, js := range lanes {
			s.Run(strings.Replace(js, "OPTIONS", "{utm: 1, band: "+band+"}", 1))
			s.Emitted()
			if uri != want {
				t.Fatalf("%s, %s lane\nsent %s\nwant %s", band, lane, uri, want)
			}
		}
	}
}

// TestBandsAsJavaScript: bands are numbered as a script would.
func TestBandsAsJavaScript(t *testing.T) {
	t.Parallel()
	o, g := newOracle(t), newGenerator(t, true)
	for range 2000 {
		prefix, n := g.pick("LOADTEST-E1-", "ä€😀", "0"), 1+g.Uint64N(uint64(math.Pow10(1+g.IntN(15))))
		pool := bands.Pool{Prefixes: []string{prefix}, Count: 1e15}
		want := o.says(fmt.Sprintf("%q + String(%d).padStart(6, '0')", prefix, n))
		vutest.Equal(t, fmt.Sprint(n), string(pool.Append(nil, n-1)), want)
	}
}

// TestEveryCodePoint: encodeURIComponent, for all of Unicode.
func TestEveryCodePoint(t *testing.T) {
	t.Parallel()
	o := newOracle(t)
	encode, ok := goja.AssertFunction(o.js.Get("encodeURIComponent"))
	if !ok {
		t.Fatal("no encodeURIComponent")
	}
	for from := rune(0); from <= 0x10FFFF; from += 0x100 {
		if 0xD800 <= from && from < 0xE000 {
			continue // surrogates are no code points of their own
		}
		var block []rune
		for r := from; r < from+0x100; r++ {
			block = append(block, r)
		}
		want, err := encode(nil, o.js.ToValue(string(block)))
		if err != nil {
			t.Fatal(err)
		}
		if got := trpc.EncodeURIComponent(string(block)); got != want.String() {
			t.Fatalf("from %U: got %s\nwant %s", from, got, want)
		}
	}
	// JavaScript can't encode half a surrogate pair; JSON escapes it, so that inputs have none.
	vutest.Equal(t, "half a pair", o.says(`encodeURIComponent("\ud83d")`), "throws URIError")
	vutest.Equal(t, "half a pair in JSON", o.says(`encodeURIComponent(JSON.stringify("\ud83d"))`), "%22%5Cud83d%22")
}

// FuzzInput holds that any JSON goes out as JavaScript writes it.
func FuzzInput(f *testing.F) {
	for _, text := range []string{`{"b":1,"1":[1e21,-0,"\ud800"],"__proto__":{"a":null}}`, `"\u2028😀"`, "1e400", "[[]]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, s := newOracle(t), newProcess(t, nil).Init()
		parsed := "JSON.parse(decodeURIComponent('" + strings.ReplaceAll(url.PathEscape(text), "'", "%27") + "'))"
		want := o.says("JSON.stringify(" + parsed + ")")
		if strings.HasPrefix(want, "throws ") {
			return
		}
		codec := superjson.Codec{Runtime: s.VU.Runtime()}
		if got, err := codec.Encode(s.Run(parsed)); err != nil || got != want {
			t.Errorf("%q: got %s, %v\nwant %s", text, got, err, want)
		}
	})
}
