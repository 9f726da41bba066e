package sparkmotion

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// testOptions has a field of each kind.
type testOptions struct {
	URL    string        `js:"url" env:"T_URL" need:"true" form:"url"`
	Secret string        `js:"secret" env:"T_SECRET" need:"true"`
	Wait   time.Duration `js:"wait" env:"T_WAIT" default:"60s"`
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

		{"all that is missing", nil, "{}", "call needs T_URL, T_SECRET: set it in the environment, or pass it as an option"},
		{"one missing", map[string]string{"T_URL": "http://h"}, "{}", "call needs T_SECRET: set it in the environment, or pass it as an option"},
		{"unknown", env, "{uri: 1}", `call: unknown option "uri"; it takes count, names, secret, share, url, wait`},
		{"no object", env, "'hush'", "call: options must be an object"},
		{"no string", env, "{secret: 5}", "call: option secret: a string is expected"},
		{"no duration", env, "{wait: 'soon'}", `call: option wait: time: invalid duration "soon"`},
		{"no duration in the environment", map[string]string{"T_WAIT": "soon"}, "{}", `call: T_WAIT: time: invalid duration "soon"`},
		{"no number", env, "{count: 'many'}", "call: option count: a number is expected, got many"},
		{"no number, but a truth", env, "{count: true}", "call: option count: a number is expected, got true"},
		{"no number, but a list", env, "{share: [1]}", "call: option share: a number is expected, got 1"},
		{"no number, but nothing", env, "{count: ''}", "call: option count: a number is expected, got "},
		{"no whole number", env, "{count: 1.5}", "call: option count: a whole number is expected, got 1.5"},
		{"too large a number", env, "{count: 1e30}", "call: option count: a whole number is expected, got 1e+30"},
		{"no list", env, "{names: 'ab'}", "call: option names: could not convert ab to []string"},
		{"no URL", env, "{url: 'hush'}", "call: T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL without a host", env, "{url: 'https:///hush'}", "call: T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL of a port alone", env, "{url: 'http://:80'}", "call: T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"another scheme", env, "{url: 'ftp://hush'}", "call: T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
		{"a URL that can't be read", env, "{url: 'http://u:hush@h:port'}", "call: T_URL: an http or https URL with a host is expected, such as https://sparkmotion.net"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newProcess(t, c.env).init()
			var o testOptions
			got := ""
			if err := s.module.options("call", s.run("("+c.js+")"), &o); err != nil {
				got = err.Error()
			} else {
				got = fmt.Sprint(o)
			}
			equal(t, c.js, got, c.want)
			if got[0] != '{' && strings.Contains(got, "hush") {
				t.Errorf("a secret in %q", got)
			}
		})
	}
}

// Each call that takes options says which it is, and which settings it lacks.
func TestMissingSettings(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).start(1)
	const advice = ": set it in the environment, or pass it as an option"
	for js, want := range map[string]string{
		"sm.login()":                                 "login needs ADMIN_URL, TEST_PASSWORD" + advice,
		"sm.tap()":                                   "tap needs WORKER_URL" + advice,
		"sm.query(null, 'a')":                        "query needs ADMIN_URL" + advice,
		"sm.batch(null, [['a']])":                    "batch needs ADMIN_URL" + advice,
		"sm.flushTaps()":                             "flushTaps needs HUB_URL, CRON_SECRET" + advice,
		"new sm.Upstash()":                           "Upstash needs UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN" + advice,
		"sm.preflight()":                             "preflight needs WORKER_URL, HUB_URL, ADMIN_URL, TEST_PASSWORD, LOADTEST_EVENT_ID, CRON_SECRET" + advice,
		"sm.queueDepth({uri: 1})":                    `queueDepth: unknown option "uri"; it takes key, redisURL, timeout, token, url`,
		"sm.bandID({prefix: 'A'})":                   `bandID: unknown option "prefix"; it takes count, distribution, prefixes, seed`,
		"sm.login({url: 'admin', password: 'hush'})": "login: ADMIN_URL: an http or https URL with a host is expected, such as https://sparkmotion.net",
	} {
		equal(t, js, s.fails(js), want)
	}
	equalLines(t, "emitted", s.emitted())
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
		s := newProcess(t, map[string]string{"T_URL": "http://h", "T_SECRET": "s"}).init()
		given := s.vu.rt.NewObject()
		if err := given.Set(key, strings.Replace(value, "%s", "hush-hush", 1)); err != nil {
			t.Skip(err)
		}
		var o testOptions
		err := s.module.options("call", given, &o)
		if err == nil && (checkURL(o.URL) != nil || o.Secret == "") {
			t.Errorf("%q: %q was taken: %+v", key, value, o)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "call") {
			t.Errorf("%q: %q: %v", key, value, err)
		}
		if secret := key == "url" || key == "secret"; secret && err != nil && strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("a secret in %v", err)
		}
	})
}
