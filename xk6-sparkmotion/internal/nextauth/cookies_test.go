package nextauth

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browser answers the steps of a login, and keeps the Cookie header of each.
type browser struct {
	sets [3][]string // Set-Cookie lines of the csrf answer, the login's and the session's
	sent []string
}

func (b *browser) Do(req *http.Request) (*http.Response, error) {
	step := len(b.sent)
	b.sent = append(b.sent, req.Header.Get("Cookie"))
	header := http.Header{"Set-Cookie": b.sets[step]}
	body := []string{`{"csrfToken":"t"}`, `{"url":"/"}`, `{"user":{}}`}[step]
	return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
}

const (
	past   = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	future = "; Expires=Fri, 01 Jan 2100 00:00:00 GMT"
	local  = "http://127.0.0.1:3000"
)

// at logs in to an application by its URL, with the lines of its three answers.
func at(t *testing.T, origin string, csrf, submit, session []string) (*Session, *browser, error) {
	t.Helper()
	b := &browser{sets: [3][]string{csrf, submit, session}}
	s, err := Login(t.Context(), b, Credentials{URL: origin, Provider: "credentials", Fields: map[string]string{"email": "a@b.c"}})
	return s, b, err
}

var short = regexp.MustCompile(`\bS\b`)

// long writes the session cookie's name for S.
func long(text string) string { return short.ReplaceAllString(text, "a.session-token") }

func lines(texts ...string) []string {
	set := make([]string, len(texts))
	for i, text := range texts {
		set[i] = long(text)
	}
	return set
}

// TestSessionCookies: of the cookies that a login's answer sets, the session is what a browser would keep.
func TestSessionCookies(t *testing.T) {
	t.Parallel()
	const none = "no session cookie. Expected one"
	for name, c := range map[string]struct {
		set  []string
		want string // the session's cookies, or a part of the error
	}{
		"set twice":                               {lines("S=old; Path=/", "S=new; Path=/"), "S=new"},
		"set three times":                         {lines("S=a; Path=/", "S=b; Path=/", "S=new; Path=/"), "S=new"},
		"set, deleted, set":                       {lines("S=old; Path=/", "S=; Path=/; Max-Age=0", "S=new; Path=/"), "S=new"},
		"set, deleted by a date, set":             {lines("S=old; Path=/", "S=x; Path=/"+past, "S=new; Path=/"), "S=new"},
		"set and deleted":                         {lines("S=old; Path=/", "S=; Path=/; Max-Age=0"), none},
		"set and deleted by a date, with a value": {lines("S=old; Path=/", "S=gone; Path=/"+past), none},
		"deleted with a negative Max-Age":         {lines("S=old; Path=/", "S=gone; Path=/; Max-Age=-1"), none},
		"Max-Age=0 precedes a later Expires":      {lines("S=old; Path=/", "S=gone; Path=/; Max-Age=0"+future), none},
		"Max-Age precedes a past Expires":         {lines("S=new; Path=/; Max-Age=3600" + past), "S=new"},
		"Max-Age is no number":                    {lines("S=new; Path=/; Max-Age=soon"), "S=new"},
		"Max-Age of an age":                       {lines("S=new; Path=/; Max-Age=9999999999999"), "S=new"},
		"blanks beside the signs":                 {lines("S=old; Path=/", "S=gone ; Path = / ; Max-Age = 0"), none},
		"deleted in a two-digit year":             {lines("S=old; Path=/", "S=gone; Path=/; Expires=Thu, 01-Jan-70 00:00:00 GMT"), none},
		"deleted with single digits":              {lines("S=old; Path=/", "S=gone; Path=/; Expires=Thu, 1 Jan 1970 0:0:0 GMT"), none},
		"deleted in C's form":                     {lines("S=old; Path=/", "S=gone; Path=/; Expires=Thu Jan  1 00:00:00 1970"), none},
		"a date that is none":                     {lines("S=new; Path=/; Expires=0"), "S=new"},
		"deleted under another path":              {lines("S=new; Path=/", "S=; Path=/shop; Max-Age=0"), "S=new"},
		"another path after it":                   {lines("S=new; Path=/", "S=shop; Path=/shop"), "S=new"},
		"another path before it":                  {lines("S=shop; Path=/shop", "S=new; Path=/"), "S=new"},
		"a narrower path, set first":              {lines("S=narrow; Path=/api", "S=new; Path=/"), "S=new"},
		"a path that only begins alike":           {lines("S=new; Path=/apiX"), `The cookie S would not be sent to /api/auth/session: its domain is "", its path "/apiX"`},
		"no path":                                 {lines("S=new"), "S=new"},
		"no path, then the same with one":         {lines("S=old", "S=new; Path=/"), "S=new"},
		"another host's":                          {lines("S=junk; Path=/; Domain=other.example", "S=new; Path=/"), "S=new"},
		"only another host's":                     {lines("S=junk; Path=/; Domain=other.example"), `its domain is "other.example", its path "/"`},
		"quotes":                                  {lines(`S="new"; Path=/`), `S="new"`},
		"quotes after a blank":                    {lines(`S = "new" ; Path=/`), `S="new"`},
		"blanks around a value":                   {lines("  S  =  new  ;Path=/"), "S=new"},
		"a blank and a comma in it":               {lines("S=a b,c; Path=/"), "S=a b,c"},
		"an = in it":                              {lines("S=new=; Path=/"), "S=new="},
		"attributes in capitals":                  {lines("S=new; PATH=/; HTTPONLY; MAX-AGE=100"), "S=new"},
		"Secure, to loopback":                     {lines("__Secure-S=new; Path=/; Secure"), "__Secure-S=new"},
		"__Host-, to loopback":                    {lines("__Host-S=new; Path=/; Secure"), "__Host-S=new"},
		"another name deleted":                    {lines("__Secure-S=; Path=/; Secure; Max-Age=0", "S=new; Path=/"), "S=new"},
		"a stale one of another name":             {[]string{"next-auth.session-token=stale; Path=/", "a.session-token=new; Path=/"}, "S=new"},
		"chunks out of order":                     {lines("S.1=b; Path=/", "S.0=a; Path=/"), "S.0=a; S.1=b"},
		"chunks set twice":                        {lines("S.0=x; Path=/", "S.1=y; Path=/", "S.0=a; Path=/", "S.1=b; Path=/"), "S.0=a; S.1=b"},
		"a whole one after chunks":                {lines("S.0=x; Path=/", "S.1=y; Path=/", "S=new; Path=/"), "S=new"},
		"chunks after a whole one":                {lines("S=old; Path=/", "S.0=a; Path=/", "S.1=b; Path=/"), "S.0=a; S.1=b"},
		"a longer session's last chunk deleted": {lines("S.0=x; Path=/", "S.1=y; Path=/", "S.2=z; Path=/", "S.0=a; Path=/", "S.1=b; Path=/", "S.2=; Path=/; Max-Age=0"),
			"S.0=a; S.1=b"},
		"a whole one, and chunks deleted": {lines("S=new; Path=/", "S.0=x; Path=/"+past, "S.1=; Path=/; Max-Age=0"), "S=new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, err := at(t, local, []string{"csrf=t"}, c.set, nil)
			want := long(c.want)
			switch {
			case err != nil && !strings.Contains(err.Error(), want):
				t.Errorf("got  %v\nwant %s", err, want)
			case err == nil && (s.Cookie != want || b.sent[2] != want || pairs(s.Cookies) != want):
				t.Errorf("got  %s, asked with %s\nwant %s", s.Cookie, b.sent[2], want)
			}
		})
	}
}

// TestSecureCookies: what is Secure isn't sent over http but to loopback, and the error says so.
func TestSecureCookies(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"https://admin.test", local, "http://localhost:3000", "http://admin.localhost", "http://[::1]:3000", "http://127.0.0.1/base"} {
		_, b, err := at(t, origin, []string{"__Host-a.csrf-token=t; Path=/; Secure"}, lines("__Secure-S=new; Path=/; Secure"), nil)
		if err != nil || b.sent[1] != "__Host-a.csrf-token=t" || b.sent[2] != "__Secure-a.session-token=new" {
			t.Errorf("%s: %q, %v", origin, b.sent, err)
		}
	}
	why := " it is Secure, so it is sent over https only: give login() the application's https URL"
	_, _, err := at(t, "http://admin.test", []string{"__Host-a.csrf-token=t; Path=/; Secure"}, nil, nil)
	if want := "answered a csrfToken but no cookie. The cookie __Host-a.csrf-token would not be sent to /api/auth/callback/credentials:" + why; err == nil ||
		!strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, _, err = at(t, "http://admin.test", []string{"csrf=t"}, lines("S=new; Path=/; Secure"), nil)
	if want := "answered 200 and no session cookie. The cookie a.session-token would not be sent to /api/auth/session:" + why; err == nil ||
		!strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestCSRFCookies: the login is sent with what a browser would keep of the csrf answer.
func TestCSRFCookies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  []string
		want string
	}{
		"set twice":             {[]string{"csrf=old; Path=/", "csrf=new; Path=/"}, "csrf=new"},
		"another deleted":       {[]string{"csrf=new; Path=/", "__Host-csrf=x; Path=/" + past}, "csrf=new"},
		"set, deleted, set":     {[]string{"csrf=old; Path=/", "csrf=; Path=/; Max-Age=0", "csrf=new; Path=/"}, "csrf=new"},
		"no path":               {[]string{"csrf=new"}, "csrf=new"},
		"of other parts":        {[]string{"csrf=new; Path=/api/auth", "cart=1; Path=/shop", "ad=1; Domain=other.example; Path=/"}, "csrf=new"},
		"longer paths first":    {[]string{"theme=dark; Path=/", "csrf=new; Path=/api/auth"}, "csrf=new; theme=dark"},
		"a value without a use": {[]string{"csrf=new; Path=/", "flag=; Path=/"}, "csrf=new; flag="},
		"an old session":        {[]string{"csrf=new; Path=/", "a.session-token=stale; Path=/"}, "csrf=new; a.session-token=stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, err := at(t, local, c.set, []string{"b.session-token=new; Path=/"}, nil)
			if err != nil || b.sent[1] != c.want || s.Cookie != "b.session-token=new" {
				t.Errorf("got  %q, %v\nwant %s", b.sent, err, c.want)
			}
		})
	}
	if s, _, err := at(t, local, []string{"csrf=t", "a.session-token=stale; Path=/"}, nil, nil); err == nil {
		t.Errorf("a session from before the login was taken: %s", s.Cookie)
	}
}

// TestRenewedCookies: the session's own answer renews its cookies, as Auth.js does, or ends it.
func TestRenewedCookies(t *testing.T) {
	t.Parallel()
	first := lines("S.0=a; Path=/", "S.1=b; Path=/")
	for name, c := range map[string]struct {
		set  []string
		want string
	}{
		"none":               {nil, "a.session-token.0=a; a.session-token.1=b"},
		"the same names":     {lines("S.0=c; Path=/", "S.1=d; Path=/"), "a.session-token.0=c; a.session-token.1=d"},
		"one chunk fewer":    {lines("S.0=c; Path=/", "S.1=; Path=/; Max-Age=0"), "a.session-token.0=c"},
		"a whole one":        {lines("S=c; Path=/"), "a.session-token=c"},
		"something else":     {[]string{"theme=dark; Path=/"}, "a.session-token.0=a; a.session-token.1=b"},
		"the session's end":  {lines("S.0=; Path=/; Max-Age=0", "S.1=; Path=/"+past), ""},
		"another host's end": {lines("S.0=; Path=/; Domain=other.example; Max-Age=0"), "a.session-token.0=a; a.session-token.1=b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b, err := at(t, local, []string{"csrf=t"}, first, c.set)
			switch {
			case b.sent[2] != "a.session-token.0=a; a.session-token.1=b":
				t.Errorf("asked with %s", b.sent[2])
			case c.want == "" && (err == nil || !strings.Contains(err.Error(), "nobody is logged in")):
				t.Errorf("got %v", err)
			case c.want != "" && (err != nil || s.Cookie != c.want):
				t.Errorf("got  %+v, %v\nwant %s", s, err, c.want)
			}
		})
	}
}

// TestCookieAttributes: a session's cookies have the attributes of the line that counts.
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s, _, err := at(t, "https://admin.site.test", []string{"csrf=t"}, lines(
		"S=new; Path=/shop; Max-Age=5", "S=new; Path=/; Domain=site.test; Secure; Expires=Friday, 01-Jan-38 00:00:00 GMT",
		"S.9=x; Path=/; Max-Age=0", "S=new; Path=/shop; Max-Age=7"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Cookies[0]; len(s.Cookies) != 1 || c.Path != "/" || c.Domain != "site.test" || !c.Secure || c.Expires.Format(time.DateTime) != "2038-01-01 00:00:00" {
		t.Errorf("got %+v", s.Cookies)
	}
	s, _, err = at(t, local, []string{"csrf=t"}, lines("S=new; Path=/; Max-Age=60"+past), nil)
	if err != nil {
		t.Fatal(err)
	}
	if left := s.Cookies[0].Expires.Sub(began); left < time.Minute || left > time.Since(began)+time.Minute || s.Cookies[0].MaxAge != 0 {
		t.Errorf("it expires in %s: %+v", left, s.Cookies[0])
	}
}

func TestCookieDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Thu, 01 Jan 1970 00:00:00 GMT":      "1970-01-01 00:00:00",
		"Thu, 01-Jan-70 00:00:01 GMT":        "1970-01-01 00:00:01",
		"Thursday, 01-Jan-1970 00:00:00 GMT": "1970-01-01 00:00:00",
		"Thu, 1 Jan 1970 0:0:0 GMT":          "1970-01-01 00:00:00",
		"Thu Jan  1 00:00:00 1970":           "1970-01-01 00:00:00",
		"1970 January 1 00:00:00":            "1970-01-01 00:00:00",
		"01 Jan 69 10:11:12":                 "2069-01-01 10:11:12",
		"10:11:12 3 SEPTEMBER 2031 +0200":    "2031-09-03 10:11:12",
		"Wed, 31 Dec 1600 23:59:59 GMT":      "",
		"Mon, 01 Jan 1601 00:00:00 GMT":      "1601-01-01 00:00:00",
		"Fri, 31 Dec 9999 23:59:59 GMT":      "9999-12-31 23:59:59",
		"Tue, 31 Feb 2026 00:00:00 GMT":      "",
		"Thu, 01 Jan 1970 24:00:00 GMT":      "",
		"Thu, 01 Jan 1970":                   "",
		"0":                                  "",
		"-1":                                 "",
		"Session":                            "",
		"":                                   "",
	} {
		got := ""
		if at := cookieDate(text); !at.IsZero() {
			got = at.Format(time.DateTime)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzCookieDate holds that a date is read as net/http reads it, where net/http does.
func FuzzCookieDate(f *testing.F) {
	for _, seed := range []string{"Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01-Jan-70 00:00:01 GMT", "Thu Jan  1 00:00:00 1970", "1:2:3 4 feb 5", "0"} {
		f.Add(seed, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		if at := cookieDate(text); !at.IsZero() && (at.Year() < 1601 || at.Location() != time.UTC) {
			t.Errorf("%q: %s", text, at)
		}
		at := time.Unix(seconds%(8000*365*86400), 0).UTC()
		for _, form := range []string{http.TimeFormat, time.ANSIC, "Mon, 02-Jan-2006 15:04:05 GMT"} {
			if got := cookieDate(at.Format(form)); at.Year() >= 1601 && at.Year() <= 9999 && !got.Equal(at) {
				t.Errorf("%s: %s", at.Format(form), got)
			}
		}
	})
}

// FuzzSession holds that a session is made of cookies that were set, in order, one a name, and that a header has one line.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"a.session-token=a; Path=/", "a.session-token.1=b; Path=/\na.session-token.0=a; Path=/", "session-token.99999999999999999999=x; Path=/",
		"a.session-token=; Max-Age=0", "=;", "\x00session-token=x", `a.session-token="quoted"; Path=/`, "a.session-token=a;Path=/;Expires=Thu, 1 Jan 70 0:0:0",
	} {
		f.Add(seed)
	}
	to, err := url.Parse(local + sessionPath)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := newCookies()
		c.take(to, http.Header{"Set-Cookie": strings.Split(text, "\n")})
		name, found := c.session(to, 0)
		if (name == "") != (len(found) == 0) || len(found) > len(c.set) {
			t.Fatalf("%q: %s, %v", text, name, found)
		}
		seen := map[string]bool{}
		for _, one := range found {
			if !strings.HasPrefix(one.Name, name) || seen[one.Name] || over(one) {
				t.Errorf("%q: %v", text, found)
			}
			seen[one.Name] = true
		}
		if strings.ContainsAny(pairs(found)+c.header(to), "\r\n") {
			t.Errorf("%q: a header of two lines: %q", text, pairs(found))
		}
	})
}
