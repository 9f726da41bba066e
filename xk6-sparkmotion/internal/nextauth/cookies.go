package nextauth

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cookies are those of one login, by the rules of RFC 6265. The jar is net/http's, which gives no attributes back: it keeps
// each cookie's place in set for a value. It knows no public suffixes, because all that it holds is from one host and for it.
type cookies struct {
	jar *cookiejar.Jar
	set []*http.Cookie // all that were, in this order
}

func newCookies() *cookies {
	jar, _ := cookiejar.New(nil) // never an error
	return &cookies{jar: jar}
}

// take takes what the answer of a URL sets and deletes.
func (c *cookies) take(from *url.URL, header http.Header) {
	for _, line := range header.Values("Set-Cookie") {
		cookie, err := parseSetCookie(line, time.Now())
		if err != nil {
			continue // as browsers do
		}
		place := *cookie // #nosec G124 -- as the application set it
		place.Value = strconv.Itoa(len(c.set))
		c.set = append(c.set, cookie)
		c.jar.SetCookies(from, []*http.Cookie{&place})
	}
}

// sent returns the places of the cookies that are sent to a URL.
func (c *cookies) sent(to *url.URL) []int {
	var places []int
	for _, kept := range c.jar.Cookies(to) {
		place, _ := strconv.Atoi(kept.Value) // take has set it
		places = append(places, place)
	}
	return places
}

// header returns a Cookie header's value for a request to a URL.
func (c *cookies) header(to *url.URL) string {
	var sent []*http.Cookie
	for _, place := range c.sent(to) {
		sent = append(sent, c.set[place])
	}
	return pairs(sent)
}

// pairs are cookies as a Cookie header has them.
func pairs(cookies []*http.Cookie) string {
	shown := make([]string, len(cookies))
	for i, c := range cookies {
		shown[i] = c.Name + "=" + Quoted(c)
	}
	return strings.Join(shown, "; ")
}

// Quoted returns a cookie's value as the server set it: with its quotes, if it has them.
func Quoted(c *http.Cookie) string {
	if c.Quoted {
		return `"` + c.Value + `"`
	}
	return c.Value
}

// sessionName matches a session cookie under any prefix, whole or a numbered chunk of one.
var sessionName = regexp.MustCompile(`^(.*session-token)(?:\.(\d+))?$`)

// session returns the name of the session that is sent to a URL, and its cookies: a whole one, or its chunks in order. A JWT longer than
// a cookie's 4096 bytes is cut into NAME.0, NAME.1, … by @auth/core's cookie store. Of several sessions, and of a whole one beside chunks,
// the last that was set counts; cookies before the place since don't.
func (c *cookies) session(to *url.URL, since int) (name string, found []*http.Cookie) {
	places := c.sent(to)
	slices.SortFunc(places, func(a, b int) int { return cmp.Compare(b, a) }) // the last set first
	var whole bool
	number := map[string]int{}
	for _, place := range places {
		cookie := c.set[place]
		match := sessionName.FindStringSubmatch(cookie.Name)
		if match == nil || place < since || cookie.Value == "" {
			continue
		}
		if name == "" {
			name, whole = match[1], match[2] == ""
		}
		if _, twice := number[cookie.Name]; twice || match[1] != name || (match[2] == "") != whole {
			continue
		}
		number[cookie.Name], _ = strconv.Atoi(match[2])
		found = append(found, cookie)
	}
	slices.SortFunc(found, func(a, b *http.Cookie) int { return cmp.Compare(number[a.Name], number[b.Name]) })
	return name, found
}

// unsent says why the last cookie of a fitting name, set since a place, isn't sent to a URL; "" if it deletes one, or none was set.
func (c *cookies) unsent(to *url.URL, since int, fits func(name string) bool) string {
	for _, cookie := range slices.Backward(c.set[since:]) {
		switch {
		case !fits(cookie.Name):
			continue
		case cookie.Value == "" || over(cookie):
			return ""
		}
		return fmt.Sprintf("The cookie %s would not be sent to %s: %s", cookie.Name, to.Path, unfit(cookie, to))
	}
	return ""
}

// over reports whether a cookie deletes one.
func over(c *http.Cookie) bool {
	return c.MaxAge < 0 || !c.Expires.IsZero() && !c.Expires.After(time.Now())
}

// unfit says why a cookie isn't sent to a URL.
func unfit(c *http.Cookie, to *url.URL) string {
	switch {
	case c.Secure && to.Scheme != "https":
		return "it is Secure, so it is sent over https only: give login() the application's https URL"
	case over(c):
		return "it expired at " + c.Expires.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("its domain is %q, its path %q", c.Domain, c.Path)
}

// century, in seconds, bounds how long a cookie lasts: a [time.Duration] does not reach much further.
const century = 100 * 365 * 24 * 3600

// parseSetCookie reads a Set-Cookie line. Its cookie has the time at which it expires in place of how long it lasts, or a MaxAge below 0.
func parseSetCookie(line string, now time.Time) (*http.Cookie, error) {
	c, err := http.ParseSetCookie(trimmed(line))
	if err != nil {
		return nil, err
	}
	// By default only what is below the login's URL would get it, which no application means: a proxy may have taken the Path away.
	c.Path = cmp.Or(c.Path, "/")
	switch {
	case c.MaxAge > 0: // it precedes Expires
		c.Expires, c.MaxAge = now.Add(time.Duration(min(c.MaxAge, century))*time.Second), 0
	case c.RawExpires != "": // net/http reads two forms of many
		c.Expires = cookieDate(c.RawExpires)
	}
	return c, nil
}

// trimmed returns a Set-Cookie line without blanks beside = and ;. RFC 6265, 5.2, drops them, and [http.ParseSetCookie] keeps some.
func trimmed(line string) string {
	parts := strings.Split(line, ";")
	for i, part := range parts {
		name, value, said := strings.Cut(part, "=")
		parts[i] = strings.Trim(name, " \t")
		if said {
			parts[i] += "=" + strings.Trim(value, " \t")
		}
	}
	return strings.Join(parts, ";")
}

// The fields of a date, by which RFC 6265, 5.1.1, knows them.
var (
	betweenFields = regexp.MustCompile(`[\t -/;-@\[-` + "`" + `{-~]+`)
	clockField    = regexp.MustCompile(`^(\d{1,2}:\d{1,2}:\d{1,2})(?:\D|$)`)
	dayField      = regexp.MustCompile(`^(\d{1,2})(?:\D|$)`)
	monthField    = regexp.MustCompile(`^(?i)(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)`)
	yearField     = regexp.MustCompile(`^(\d{2,4})(?:\D|$)`)
)

// cookieDate reads the date of Expires as RFC 6265, 5.1.1, does: a time, day, month and year among whatever else is there. What isn't a
// date is the zero time, so that Expires says nothing.
func cookieDate(text string) time.Time {
	kinds := []*regexp.Regexp{clockField, dayField, monthField, yearField}
	found := make([]string, len(kinds))
	for _, field := range betweenFields.Split(text, -1) {
		for i, kind := range kinds {
			if match := kind.FindStringSubmatch(field); match != nil && found[i] == "" {
				found[i] = match[1]
				break
			}
		}
	}
	year, _ := strconv.Atoi(found[3]) // none is no year of a cookie
	switch {
	case len(found[3]) == 0 || year >= 100 && year < 1601:
		return time.Time{}
	case year < 70:
		year += 2000
	case year < 100:
		year += 1900
	}
	at, err := time.Parse("15:4:5 2 Jan 2006", fmt.Sprintf("%s %s %s %d", found[0], found[1], found[2], year))
	if err != nil {
		return time.Time{}
	}
	return at
}
