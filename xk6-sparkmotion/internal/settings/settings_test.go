package settings

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

func reader(s *vutest.Script) *Reader { return &Reader{Runtime: s.VU.Runtime()} }

// testOptions has a field of each kind.
type testOptions struct {
	URL    string        `js:"url" env:"T_URL" need:"true" form:"url"`
	Secret string        `js:"secret" env:"T_SECRET" need:"true"`
	Wait   time.Duration `js:"wait" env:"T_WAIT" default:"60s" above:"0"`
	Count  int           `js:"count" env:"T_COUNT" default:"3"`
	Share  float64       `js:"share" default:"0.5"`
	Names  []string      `js:"names"`
}

// read returns options as text, from an environment and an object in JavaScript, or the error.
func read[T any](t *testing.T, env map[string]string, js string) string {
	t.Helper()
	s := vutest.New(t, nil, env).Init()
	var o T
	if err := reader(s).Read(s.Run("("+js+")"), &o); err != nil {
		return err.Error()
	}
	return fmt.Sprint(o)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	env := map[string]string{"T_URL": "https://env", "T_SECRET": "hush"}
	for _, c := range []struct {
		name string
		env  map[string]string
		js   string
		want string // the options, or the error
	}{
		{"from the environment", env, "undefined", "{https://env hush 1m0s 3 0.5 []}"},
		{"null is no options", env, "null", "{https://env hush 1m0s 3 0.5 []}"},
		{"the environment over a default", map[string]string{"T_URL": "http://h", "T_SECRET": "s", "T_WAIT": "1.5s", "T_COUNT": "7"}, "{}",
			"{http://h s 1.5s 7 0.5 []}"},
		{"an empty setting is none", map[string]string{"T_URL": "http://h", "T_SECRET": "s", "T_WAIT": ""}, "{}", "{http://h s 1m0s 3 0.5 []}"},
		{"the object over the environment", env, "{url: 'http://h:1/p', secret: 's', wait: '1m30s', count: 9, share: 1, names: ['a', 'b']}",
			"{http://h:1/p s 1m30s 9 1 [a b]}"},
		{"milliseconds", env, "{wait: 250}", "{https://env hush 250ms 3 0.5 []}"},
		{"parts of milliseconds", env, "{wait: 0.5}", "{https://env hush 500µs 3 0.5 []}"},
		{"a number as text", env, "{count: '9'}", "{https://env hush 1m0s 9 0.5 []}"},
		{"what is not set means the default", env, "{url: undefined, wait: null}", "{https://env hush 1m0s 3 0.5 []}"},
		{"needs no environment", nil, "{url: 'http://h', secret: 's'}", "{http://h s 1m0s 3 0.5 []}"},

		{"all that is missing", nil, "{}", "needs T_URL, T_SECRET: set them in the environment, or pass them as options"},
		{"one missing", map[string]string{"T_URL": "http://h"}, "{}", "needs T_SECRET: set it in the environment, or pass it as an option"},
		{"unknown", env, "{uri: 1}", `unknown option "uri"; it takes count, names, secret, share, url, wait`},
		{"no object", env, "'hush'", "options must be an object"},
		{"no string", env, "{secret: 5}", "option secret: a string is expected"},
		{"no duration", env, "{wait: 'soon'}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got soon"},
		{"no duration in the environment", map[string]string{"T_URL": "http://h", "T_SECRET": "s", "T_WAIT": "soon"}, "{}",
			"T_WAIT: a duration is expected, such as 1m30s, or milliseconds, got soon"},
		{"no time", env, "{wait: 0}", "option wait: must be above 0, got 0s"},
		{"less than no time", env, "{wait: '-1s'}", "option wait: must be above 0, got -1s"},
		{"no time in the environment", map[string]string{"T_URL": "http://h", "T_SECRET": "s", "T_WAIT": "0s"}, "{}", "T_WAIT: must be above 0, got 0s"},
		{"white space around a setting", map[string]string{"T_URL": " https://env\t", "T_SECRET": "hush\n"}, "{}", "{https://env hush 1m0s 3 0.5 []}"},
		{"no number", env, "{count: 'many'}", "option count: a number is expected, got many"},
		{"no number, but a truth", env, "{count: true}", "option count: a number is expected, got true"},
		{"no number, but a list", env, "{share: [1]}", "option share: a number is expected, got 1"},
		{"no number, but nothing", env, "{count: ''}", "option count: a number is expected, got "},
		{"no whole number", env, "{count: 1.5}", "option count: a whole number is expected, got 1.5"},
		{"too large a number", env, "{count: 1e30}", "option count: a whole number is expected, got 1e+30"},
		{"no list", env, "{names: 'ab'}", "option names: an array of strings is expected"},
		{"a wrong setting beside what is missing", map[string]string{"T_WAIT": "0s", "T_COUNT": "x"}, "{uri: 1}",
			"needs T_URL, T_SECRET: set them in the environment, or pass them as options\nT_WAIT: must be above 0, got 0s\n" +
				"T_COUNT: a number is expected, got x\nunknown option \"uri\"; it takes count, names, secret, share, url, wait"},
		{"hexadecimal", env, "{count: '0x10'}", "option count: a number is expected, got 0x10"},
		{"a list for options", env, "[]", "options must be an object"},
		{"a function for options", env, "() => 1", "options must be an object"},
		{"a Map for options", env, "new Map([['count', 1]])", "options must be an object"},
		{"a list with nothing", env, "{names: ['a', '']}", "option names: an array of strings is expected, none of them empty: entry 2 is none"},
		{"a list of a number", env, "{names: [1]}", "option names: an array of strings is expected, none of them empty: entry 1 is none"},
		{"a list of null", env, "{names: [null]}", "option names: an array of strings is expected, none of them empty: entry 1 is none"},
		{"a time that is no number", env, "{wait: NaN}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got NaN"},
		{"a time without end", env, "{wait: Infinity}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got Infinity"},
		{"a time too long", env, "{wait: 1e300}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got 1e+300"},
		{"a time too long, as text", env, "{wait: '1e300'}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got 1e300"},
		{"a time that is a truth", env, "{wait: true}", "option wait: a duration is expected, such as 1m30s, or milliseconds, got true"},
		{"milliseconds as text", env, "{wait: '250'}", "{https://env hush 250ms 3 0.5 []}"},
		{"days", env, "{wait: '1d1h'}", "{https://env hush 25h0m0s 3 0.5 []}"},
		{"no URL", env, "{url: 'hush'}", "T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL without a host", env, "{url: 'https:///hush'}", "T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL of a port alone", env, "{url: 'http://:80'}", "T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"another scheme", env, "{url: 'ftp://hush'}", "T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL with a query", env, "{url: 'http://h/?hush'}", "T_URL: an origin is expected, such as https://sparkmotion.net: leave its query and fragment out"},
		{"a URL with a fragment", env, "{url: 'http://h/#hush'}", "T_URL: an origin is expected, such as https://sparkmotion.net: leave its query and fragment out"},
		{"a URL with an empty query", env, "{url: 'http://h?'}", "T_URL: an origin is expected, such as https://sparkmotion.net: leave its query and fragment out"},
		{"a port beyond the last", env, "{url: 'http://h:65536'}", "T_URL: a port is a number from 1 to 65535"},
		{"no port", env, "{url: 'http://h:0'}", "T_URL: a port is a number from 1 to 65535"},
		{"the last port", env, "{url: 'http://h:65535'}", "{http://h:65535 hush 1m0s 3 0.5 []}"},
		{"a URL that can't be read", env, "{url: 'http://u:hush@h:port'}", "T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read[testOptions](t, c.env, c.js)
			vutest.Equal(t, c.js, got, c.want)
			if got[0] != '{' && strings.Contains(got, "hush") {
				t.Errorf("a secret in %q", got)
			}
		})
	}
}

// formedOptions has a field of each form.
type formedOptions struct {
	URL      string            `js:"url" env:"F_URL" form:"url"`
	Host     string            `js:"host" env:"F_HOST" form:"host"`
	Hosts    []string          `js:"hosts" env:"F_HOSTS" form:"host"`
	Line     string            `js:"line" env:"F_LINE" form:"line"`
	Token    string            `js:"token" env:"F_TOKEN" secret:"true"`
	Password string            `js:"password" env:"F_PASSWORD" form:"password" secret:"true"`
	Free     string            `js:"free"`
	Texts    map[string]string `js:"texts"`
	embeddedOptions
}

type embeddedOptions struct {
	Way string `js:"way" env:"F_WAY" default:"even" oneof:"even odd other"`
}

// What a file or a terminal leaves around a text is no part of it; what can't be seen inside it is named, and the text is not.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, setting, js, want string }{
		{"trimmed", "", `{url: ' http://h\n', host: '\th ', hosts: [' h\n'], line: 'l\r\n', token: ' hush\n'}`, "{http://h h [h] l hush   map[] {even}}"},
		{"a byte order mark is no white space", "", `{token: '\ufeffhush'}`, "option token: it holds an invisible character (U+FEFF) at its start: remove it"},
		{"a line break inside", "", `{token: 'hu\nsh'}`, "option token: it holds a line break: remove it"},
		{"a line break inside a setting", "F_TOKEN=hu\nsh", "{}", "F_TOKEN: it holds a line break: remove it"},
		{"without width", "F_TOKEN=hu\u200bsh", "{}", "F_TOKEN: it holds an invisible character (U+200B) inside: remove it"},
		{"a control character", "", `{line: 'a\u0001'}`, "option line: it holds an invisible character (U+0001) at its end: remove it"},
		{"a mark in a URL", "F_URL=http://h\u200d", "{}", "F_URL: it holds an invisible character (U+200D) at its end: remove it"},
		{"a mark in a list", "", `{hosts: ['a', 'b\u2060c']}`, "option hosts: entry 2: it holds an invisible character (U+2060) inside: remove it"},
		{"a password's own blanks", "F_PASSWORD= hush ", "{}", "{  []    hush   map[] {even}}"},
		{"a password's line break", "F_PASSWORD= hush\r\n", "{}", "{  []    hush  map[] {even}}"},
		{"a password with a line break", "", `{password: 'hu\nsh'}`, "option password: it holds a line break: remove it"},
		{"what has no form", "", `{free: ' a\nb '}`, "{  []     a\nb  map[] {even}}"},
		{"quotes", `F_LINE="cm1"`, "{}", "F_LINE: it is in quotes, which would be part of it: remove them"},
		{"quotes around a host", `F_HOST='h'`, "{}", "F_HOST: it is in quotes, which would be part of it: remove them"},
		{"quotes of a secret", "", `{token: '"hush"'}`, `{  []  "hush"   map[] {even}}`},
		{"a URL's host", "", "{host: 'https://u:hush@Compassion.COM.:443/x'}", "{ https://u:hush@Compassion.COM.:443/x []     map[] {even}}"},
		{"two hosts for one", "", "{host: 'a;b'}", "option host: a host is expected, such as compassion.com, or a URL there"},
		{"a blank", "", "{host: 'a b'}", "option host: a host is expected, such as compassion.com, or a URL there"},
		{"a wildcard", "F_HOSTS=h,*.sparkmotion.io", "{}", "F_HOSTS: entry 2: a host is expected, such as compassion.com, or a URL there"},
		{"no host", "", "{hosts: ['']}", "option hosts: an array of strings is expected, none of them empty: entry 1 is none"},
		{"no hosts", "F_HOSTS=h", "{hosts: []}", "{  []     map[] {even}}"},
		{"a word", "F_WAY=odd", "{}", "{  []     map[] {odd}}"},
		{"another word", "F_WAY=Odd", "{}", `F_WAY: must be even, odd or other, got "Odd"`},
		{"another word as an option", "", "{way: 'x'}", `option way: must be even, odd or other, got "x"`},
		{"texts", "", "{texts: {a: 'b', n: 5, yes: true}}", "{  []     map[a:b n:5 yes:true] {even}}"},
		{"null for a text", "", "{texts: {a: null}}", `option texts: an object of strings is expected, and that of "a" is none`},
		{"nothing for a text", "", "{texts: {a: undefined}}", `option texts: an object of strings is expected, and that of "a" is none`},
		{"a list for a text", "", "{texts: {a: ['hush']}}", `option texts: an object of strings is expected, and that of "a" is none`},
		{"an object for a text", "", "{texts: {a: {}}}", `option texts: an object of strings is expected, and that of "a" is none`},
		{"a text for texts", "", "{texts: 'a: b'}", "option texts: an object of strings is expected"},
		{"a list for texts", "", "{texts: ['a']}", "option texts: an object of strings is expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			if name, value, ok := strings.Cut(c.setting, "="); ok {
				env[name] = value
			}
			vutest.Equal(t, c.js, read[formedOptions](t, env, c.js), c.want)
		})
	}
}

// FuzzOptions holds that any value of any option is taken or named, and that no text of ours repeats a secret.
func FuzzOptions(f *testing.F) {
	f.Add("url", "http://user:%s@host")
	f.Add("url", "http://%s:port")
	f.Add("secret", "%s\n")
	f.Add("wait", "1m30s")
	f.Add("count", "1e3")
	f.Add("ulr", "x")
	f.Fuzz(func(t *testing.T, key, value string) {
		s := vutest.New(t, nil, map[string]string{"T_URL": "http://h", "T_SECRET": "s"}).Init()
		given := s.VU.Runtime().NewObject()
		if err := given.Set(key, strings.Replace(value, "%s", "hush-hush", 1)); err != nil {
			t.Skip(err)
		}
		var o testOptions
		err := reader(s).Read(given, &o)
		if err == nil && (CheckURL(o.URL) != nil || o.Secret == "") {
			t.Errorf("%q: %q was taken: %+v", key, value, o)
		}
		if secret := key == "url" || key == "secret"; secret && err != nil && strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("a secret in %v", err)
		}
	})
}
