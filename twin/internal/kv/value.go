package kv

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Entry is what a value says: where a band leads.
type Entry struct {
	URL      string  `json:"url"`
	EventID  string  `json:"eventId"`
	Mode     string  `json:"mode"`
	WindowID *string `json:"windowId"`
}

// Window is the window's ID, "" for none.
func (e *Entry) Window() string {
	if e.WindowID == nil {
		return ""
	}
	return *e.WindowID
}

// Value is a value as it was read. Reading it may fail, and so may changing its URL: Err and Page say so.
type Value struct {
	Entry
	Err error // the value is no JSON of an entry

	page *page // the URL taken apart; nil when it is no URL
}

// page is a URL whose query can be changed.
type page struct {
	base, fragment string
	query          []pair
}

type pair struct{ name, value string }

// Parse reads a value; "null" is none.
func Parse(text string) *Value {
	v := &Value{}
	if strings.TrimSpace(text) == "null" {
		return nil
	}
	if v.Err = json.Unmarshal([]byte(text), &v.Entry); v.Err == nil {
		v.page = parsePage(v.URL)
	}
	return v
}

// NewValue is the value that the Admin app writes for an entry.
func NewValue(url, eventID, mode, windowID string) *Value {
	e := Entry{URL: url, EventID: eventID, Mode: mode}
	if windowID != "" {
		e.WindowID = &windowID
	}
	text, _ := json.Marshal(e) // plain strings always marshal
	return Parse(string(text))
}

func parsePage(text string) *page {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil
	}
	if u.Path == "" {
		u.Path = "/"
	}
	p := &page{}
	if u.Fragment != "" {
		p.fragment = "#" + u.EscapedFragment()
	}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part != "" {
			name, value, _ := strings.Cut(part, "=")
			p.query = append(p.query, pair{unescape(name), unescape(value)})
		}
	}
	u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
	p.base = u.String()
	return p
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// UTM are the parameters that go along to the page, in the order in which they are set.
var UTM = [...]string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"}

var errPage = errors.New("the value's url is no URL")

// Location is the page's URL with the UTM values that aren't empty set on it.
func (v *Value) Location(values [len(UTM)]string) (string, error) {
	if v.page == nil {
		return "", errPage
	}
	query := append(make([]pair, 0, len(v.page.query)+len(UTM)), v.page.query...)
	for i, value := range values {
		if value != "" {
			query = set(query, UTM[i], strings.ToValidUTF8(value, string(utf8.RuneError)))
		}
	}
	text := append(make([]byte, 0, 256), v.page.base...)
	for i, p := range query {
		separator := byte('&')
		if i == 0 {
			separator = '?'
		}
		text = appendQuoted(append(text, separator), p.name)
		text = appendQuoted(append(text, '='), p.value)
	}
	return string(append(text, v.page.fragment...)), nil
}

// set replaces the first parameter of a name and drops its others, or adds one at the end.
func set(query []pair, name, value string) []pair {
	named := func(p pair) bool { return p.name == name }
	i := slices.IndexFunc(query, named)
	if i < 0 {
		return append(query, pair{name, value})
	}
	query[i].value = value
	return append(query[:i+1], slices.DeleteFunc(query[i+1:], named)...)
}

// appendQuoted appends a name or value as URLSearchParams writes it.
func appendQuoted(text []byte, plain string) []byte {
	for i := range len(plain) {
		switch c := plain[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("*-._", c) >= 0:
			text = append(text, c)
		case c == ' ':
			text = append(text, '+')
		default:
			text = append(text, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return text
}
