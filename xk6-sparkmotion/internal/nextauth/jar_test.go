package nextauth

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// sessionAt is the session of a login at origin whose answer had these Set-Cookie lines.
func sessionAt(origin string, lines ...string) *Session {
	var set []*http.Cookie
	for _, line := range lines {
		c, _ := parseSetCookie(line, time.Now())
		set = append(set, c)
	}
	s := &Session{URL: origin, Cookie: pairs(set), Cookies: set}
	if set != nil {
		s.Name = sessionName.FindStringSubmatch(set[0].Name)[1]
	}
	return s
}

// sent is what a jar sends to a URL, sorted.
func sent(t *testing.T, jar *cookiejar.Jar, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, c := range jar.Cookies(u) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

func TestFill(t *testing.T) {
	t.Parallel()
	const later, past = "Expires=Fri, 01 Jan 2100 00:00:00 GMT", "Expires=Thu, 01 Jan 2015 00:00:00 GMT"
	for _, c := range []struct {
		name, origin string
		had, set     []string // Set-Cookie lines
		at, want     string   // what is sent to another URL
		err          string
	}{
		{"a cookie for the whole site", "http://admin.test", nil, []string{"a.session-token=1; Path=/; HttpOnly; SameSite=Lax; " + later},
			"http://admin.test/x/y", "a.session-token=1", ""},
		{"no other host's", "http://admin.test", nil, []string{"a.session-token=1; Path=/"}, "http://hub.admin.test/", "", ""},
		{"a domain's", "http://admin.site.test", nil, []string{"a.session-token=1; Path=/; Domain=.site.test"}, "http://hub.site.test/", "a.session-token=1", ""},
		{"a path's", "http://admin.test", nil, []string{"a.session-token=1; Path=/"}, "http://admin.test/api", "a.session-token=1", ""},
		{"Max-Age", "http://admin.test", nil, []string{"a.session-token=1; Path=/; Max-Age=60; " + past}, "http://admin.test/", "a.session-token=1", ""},
		{"__Secure-, and http gets none of it", "https://admin.test", nil, []string{"__Secure-a.session-token=1; Path=/; Secure"}, "http://admin.test/", "", ""},
		{"__Secure-, in chunks", "https://admin.test:8443", nil, []string{
			"__Secure-a.session-token.0=1; Path=/; Secure", "__Secure-a.session-token.1=2; Path=/; Secure"},
			"https://admin.test/x", "__Secure-a.session-token.0=1; __Secure-a.session-token.1=2", ""},
		{"two chunks in place of three", "http://admin.test", []string{
			"a.session-token.0=1; Path=/", "a.session-token.1=2; Path=/", "a.session-token.2=3; Path=/", "theme=dark; Path=/", "b.session-token=4; Path=/"},
			[]string{"a.session-token.0=5; Path=/", "a.session-token.1=6; Path=/"},
			"http://admin.test/", "a.session-token.0=5; a.session-token.1=6; b.session-token=4; theme=dark", ""},
		{"a whole one in place of chunks", "http://admin.test", []string{"a.session-token.0=1; Path=/", "a.session-token.1=2; Path=/"},
			[]string{"a.session-token=7; Path=/"}, "http://admin.test/", "a.session-token=7", ""},

		{"Secure over http", "http://admin.test", nil, []string{"__Secure-a.session-token=1; Path=/; Secure"}, "http://admin.test/", "",
			"the cookie __Secure-a.session-token would not be sent to http://admin.test: it is Secure, so it is sent over https only: give login() the application's https URL"},
		{"one that is over", "http://admin.test", nil, []string{"a.session-token=1; Path=/; " + past}, "http://admin.test/", "",
			"the cookie a.session-token would not be sent to http://admin.test: it expired at 2015-01-01T00:00:00Z"},
		{"another site's", "http://admin.test", nil, []string{"a.session-token=1; Path=/; Domain=other.test"}, "http://admin.test/", "",
			`the cookie a.session-token would not be sent to http://admin.test: its domain is "other.test", its path "/"`},
		{"no session", "http://admin.test", nil, nil, "http://admin.test/", "", "the session must be what login() returned: it has no url, or no cookies"},
		{"no URL", "", nil, []string{"a.session-token=1"}, "http://admin.test/", "", "the session must be what login() returned: it has no url, or no cookies"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			jar, _ := cookiejar.New(nil) // never an error
			if u, err := url.Parse(c.origin); err == nil && c.had != nil {
				jar.SetCookies(u, (&http.Response{Header: http.Header{"Set-Cookie": c.had}}).Cookies())
			}
			got := ""
			if err := sessionAt(c.origin, c.set...).Fill(jar); err != nil {
				got = err.Error()
			}
			if got != c.err {
				t.Errorf("got  %s\nwant %s", got, c.err)
			}
			if got := sent(t, jar, c.at); got != c.want {
				t.Errorf("sent %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	for expires, want := range map[string]bool{
		"": false, "soon": false, "2015-01-01T00:00:00.000Z": true,
		time.Now().Add(time.Hour).Format(time.RFC3339): false, time.Now().Add(-time.Second).Format(time.RFC3339Nano): true,
	} {
		if got := (&Session{Expires: expires}).Expired(); got != want {
			t.Errorf("%q: %v", expires, got)
		}
	}
}
