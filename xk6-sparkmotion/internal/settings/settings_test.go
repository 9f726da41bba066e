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
		{"no duration", env, "{wait: 'soon'}", `option wait: time: invalid duration "soon"`},
		{"no duration in the environment", map[string]string{"T_WAIT": "soon"}, "{}", `T_WAIT: time: invalid duration "soon"`},
		{"no time", env, "{wait: 0}", "option wait: must be above 0, got 0s"},
		{"less than no time", env, "{wait: '-1s'}", "option wait: must be above 0, got -1s"},
		{"no time in the environment", map[string]string{"T_WAIT": "0s"}, "{}", "T_WAIT: must be above 0, got 0s"},
		{"white space around a setting", map[string]string{"T_URL": " https://env\t", "T_SECRET": "hush\n"}, "{}", "{https://env hush 1m0s 3 0.5 []}"},
		{"no number", env, "{count: 'many'}", "option count: a number is expected, got many"},
		{"no number, but a truth", env, "{count: true}", "option count: a number is expected, got true"},
		{"no number, but a list", env, "{share: [1]}", "option share: a number is expected, got 1"},
		{"no number, but nothing", env, "{count: ''}", "option count: a number is expected, got "},
		{"no whole number", env, "{count: 1.5}", "option count: a whole number is expected, got 1.5"},
		{"too large a number", env, "{count: 1e30}", "option count: a whole number is expected, got 1e+30"},
		{"no list", env, "{names: 'ab'}", "option names: could not convert ab to []string"},
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
			s := vutest.New(t, nil, c.env).Init()
			var o testOptions
			got := ""
			if err := reader(s).Read(s.Run("("+c.js+")"), &o); err != nil {
				got = err.Error()
			} else {
				got = fmt.Sprint(o)
			}
			vutest.Equal(t, c.js, got, c.want)
			if got[0] != '{' && strings.Contains(got, "hush") {
				t.Errorf("a secret in %q", got)
			}
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
