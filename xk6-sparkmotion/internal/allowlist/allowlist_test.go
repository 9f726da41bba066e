package allowlist

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ allowed, url, stranger string }{
		{"", "http://127.0.0.1:8080", ""},
		{"", "http://127.8.9.1", ""},
		{"", "http://localhost:3000", ""},
		{"", "http://[::1]:3000", ""},
		{"", "http://localhost.example.com", "localhost.example.com"},
		{"", "http://127.0.0.1.example.com", "127.0.0.1.example.com"},
		{"", "https://127.0.0.1@example.com", "example.com"},
		{"", "https://192.168.0.9", "192.168.0.9"},
		{"", "https://[::ffff:127.0.0.1]", ""},
		{"", "https://[::ffff:192.168.0.9]", "::ffff:192.168.0.9"},
		{"", "https://[::1%25lo]", "::1%lo"},
		{"", "https://2130706433", "2130706433"},
		{"", "https://example.com#@127.0.0.1", "example.com"},
		{"", "redis://127.0.0.1:6379@example.com", "example.com"},
		{"", "redis://:6379", ""}, // go-redis's localhost
		{"", "https://Staging.Example.com:8443/x", "staging.example.com"},
		{"staging.example.com", "https://Staging.Example.com:8443/x", ""},
		{"Staging.Example.COM", "https://staging.example.com", ""},
		{"a.example.com, b.example.com", "https://b.example.com", ""},
		{"example.com", "https://b.example.com", "b.example.com"},
		{"*.example.com", "https://a.b.example.com", ""},
		{"*.example.com", "https://example.com", "example.com"},
		{"*.example.com", "https://evilexample.com", "evilexample.com"},
		{"täp.example.com", "https://xn--tp-via.example.com", ""},
		{"xn--tp-via.example.com", "https://täp.example.com", ""},
		{"*.täp.example", "https://a.TÄP.example", ""},
		{"example.com.", "https://example.com", ""},
		{"example.com", "https://example.com.", ""},
		{"[2001:db8::1]", "https://[2001:db8::1]", ""},
		{"2001:0DB8:0:0::1", "https://[2001:db8::1]:8443", ""},
		{"2001:db8::1", "https://[2001:db8:0::1]", ""},
		{"a.example.com\n\tb.example.com", "https://b.example.com", ""},
	} {
		err := Check(c.allowed, []Origin{{"worker", "WORKER_URL", c.url}})
		if (err != nil) != (c.stranger != "") || (err != nil && !strings.Contains(err.Error(), "no load is sent to "+c.stranger+" (WORKER_URL)")) {
			t.Errorf("%q, %s: %v", c.allowed, c.url, err)
		}
	}
}

func TestCheckTakesHosts(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{
		"example.com": true, "*.internal": true, "localhost": true, "10.0.0.1": true, "::1": true, "": true,
		"*": false, "*.": false, "*example.com": false, "a.*.example.com": false, "https://u:hush@example.com": false,
		"example.com:8080": false, "example.com/x": false, "a;b": false, "[::1]": true, "[::1]:80": false, "[example.com": false, "a..b": false,
	} {
		err := Check("example.com,"+name, nil)
		if (err == nil) != taken || (err != nil && (!strings.Contains(err.Error(), "entry 2 is neither") || strings.Contains(err.Error(), "hush"))) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckNamesQuotes(t *testing.T) {
	t.Parallel()
	for _, allowed := range []string{`"example.com"`, `'example.com`, `“example.com”`, `"example.com,b.example.com"`, `b.example.com,"example.com"`} {
		err := Check(allowed, []Origin{{"worker", "WORKER_URL", "https://example.com"}})
		if err == nil || !strings.Contains(err.Error(), "holds a quote: remove the quotes") {
			t.Errorf("%s: %v", allowed, err)
		}
	}
}
