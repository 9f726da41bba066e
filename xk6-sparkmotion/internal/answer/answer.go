// Package answer sends an HTTP request, reads its answer whole, and says what is wrong with it in words that a
// person can act on: what was tried, what came back, what to change. No secret reaches such a text: URLs are shown
// without userinfo and query, and of a body only the server's own message.
package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Doer sends one request and does not follow redirects. [http.Client] is one, a VU's client another.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// maxBody bounds an answer in memory; an export of 50,000 taps is about 15 MiB.
const maxBody = 256 << 20

// Answer is an HTTP answer, read to its end.
type Answer struct {
	Request string // method and URL, safe to show
	Status  int
	Header  http.Header
	Body    []byte
}

// Error is an answer that is not what was asked for, or none at all.
type Error struct {
	Request string // what was tried: method and URL, safe to show
	Status  int    // 0 when nothing came back
	Got     string // what came back
	Advice  string // what to change
	Err     error  // the transport's error, when nothing came back
}

func (e *Error) Error() string {
	text := e.Request + ": " + e.Got
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Get sends req and reads its answer. When none comes, the error says so and advises to check setting, the name of
// the setting that holds the URL.
func Get(doer Doer, req *http.Request, setting string) (*Answer, error) {
	shown := req.Method + " " + Show(req.URL)
	none := func(err error) *Error {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // url.Error repeats the whole URL, query and all
		}
		return &Error{
			Request: shown, Got: "no answer: " + err.Error(), Err: err,
			Advice: "Is " + setting + " right, and can this machine reach it?",
		}
	}
	resp, err := doer.Do(req)
	if err != nil {
		return nil, none(err)
	}
	defer resp.Body.Close() //nolint:errcheck // the body was read; nothing is left to lose
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, none(err)
	}
	a := &Answer{Request: shown, Status: resp.StatusCode, Header: resp.Header, Body: body}
	if len(body) > maxBody {
		return nil, a.Wrong("Ask for less, or raise the limit", "more than %d MiB", maxBody>>20)
	}
	return a, nil
}

// Show gives a URL as messages show it: scheme, host and path, nothing that could be a secret.
func Show(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// JSON decodes the body into v, numbers kept as the server wrote them ([json.Number]). A body that is no JSON, or
// more than one value, is an error that says what it looks like instead.
func (a *Answer) JSON(v any) error {
	dec := json.NewDecoder(bytes.NewReader(a.Body))
	dec.UseNumber()
	err := dec.Decode(v)
	if _, end := dec.Token(); err != nil || !errors.Is(end, io.EOF) {
		return a.Wrong(a.advice(), "%d with %s", a.Status, a.looks())
	}
	return nil
}

// Wrong is an error about the answer: what came back in format and args, and advice on what to change.
func (a *Answer) Wrong(advice, format string, args ...any) *Error {
	return &Error{Request: a.Request, Status: a.Status, Got: "answered " + fmt.Sprintf(format, args...), Advice: advice}
}

// Unexpected is an error about the answer's status, with the advice that fits it; hint, when not empty, is better
// advice for a 401 or 403, naming the setting to check.
func (a *Answer) Unexpected(hint string) *Error {
	advice := a.advice()
	if hint != "" && (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden) {
		advice = hint
	}
	got := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	if to := a.Header.Get("Location"); to != "" && a.Status/100 == 3 {
		if u, err := url.Parse(to); err == nil {
			got += " to " + Show(u)
		}
	}
	if wait := a.Header.Get("Retry-After"); wait != "" {
		got += " (Retry-After: " + clip(wait, 40) + ")"
	}
	return a.Wrong(advice, "%s", got)
}

// advice is what a status usually calls for.
func (a *Answer) advice() string {
	switch {
	case a.Status == http.StatusTooManyRequests:
		return "The server limits the rate: wait, or raise its limit for this test"
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return "Check the credentials"
	case a.Status == http.StatusNotFound:
		return "Check the URL: nothing is there"
	case a.Status/100 == 3:
		return "Point the URL at where it redirects to, or log in first"
	case a.Status >= http.StatusInternalServerError:
		return "The server failed: its log says why"
	default:
		return "Does the URL point at the right application?"
	}
}

// looks says in a few words what a body that should have been JSON is.
func (a *Answer) looks() string {
	trimmed := bytes.TrimSpace(a.Body)
	switch {
	case len(trimmed) == 0:
		return "an empty body instead of JSON"
	case trimmed[0] == '<':
		return fmt.Sprintf("an HTML page instead of JSON (%d bytes)", len(a.Body))
	case json.Valid(trimmed):
		return fmt.Sprintf("JSON of another shape than expected (%d bytes)", len(a.Body))
	case trimmed[0] == '{' || trimmed[0] == '[':
		return fmt.Sprintf("JSON that is cut or broken (%d bytes)", len(a.Body))
	default:
		kind := a.Header.Get("Content-Type")
		if kind == "" {
			kind = "no Content-Type"
		}
		return fmt.Sprintf("a body that is no JSON (%s, %d bytes)", clip(kind, 60), len(a.Body))
	}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
