// Package answer sends an HTTP request, reads its answer whole, and says what is wrong with it in words that a
// person can act on: what was tried, what came back, what to change. No secret reaches such a text: URLs are shown
// without userinfo and query, and of a body only the server's own message.
package answer

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Doer sends one request and does not follow redirects. [http.Client] and a VU's client are Doers.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// maxBody bounds an answer in memory; an export of 50,000 taps is about 15 MiB.
const maxBody = 256 << 20

// Answer is an HTTP answer, read to its end.
type Answer struct {
	Request string // method and URL, safe to show
	Setting string // the name of the setting that holds the URL
	Status  int
	Header  http.Header
	Body    []byte
}

// Error is an unexpected answer, or the lack of one.
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

// Cut is the error of a [Doer] that reads bodies itself, for an answer that ends early.
type Cut struct {
	Status int
	Err    error
	Header bool // not even its header came whole
}

func (c *Cut) Error() string { return c.Err.Error() }

func (c *Cut) Unwrap() error { return c.Err }

// Answered remembers which hosts have answered, because their URLs must be right. The zero value and nil know none.
type Answered struct{ hosts sync.Map }

// Note remembers a host that answered. For a host that answered before, it returns an error as a [*Lost].
func (a *Answered) Note(host string, err error) error {
	if a == nil {
		return err
	}
	_, before := a.hosts.Load(host)
	switch {
	case err != nil && before:
		return &Lost{err}
	case err == nil && !before:
		a.hosts.Store(host, true)
	}
	return err
}

// Lost is the error of a [Doer] without an answer from a host that answered before.
type Lost struct{ Err error }

func (l *Lost) Error() string { return l.Err.Error() }

func (l *Lost) Unwrap() error { return l.Err }

// Get sends req and reads its answer; setting is the name of the setting that holds the URL.
func Get(doer Doer, req *http.Request, setting string) (*Answer, error) {
	shown := req.Method + " " + Show(req.URL)
	resp, err := doer.Do(req)
	if err != nil {
		return nil, Failed(shown, setting, err)
	}
	defer resp.Body.Close() // the body was read; nothing is left to lose
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, Failed(shown, setting, &Cut{Status: resp.StatusCode, Err: err})
	}
	a := &Answer{Request: shown, Setting: setting, Status: resp.StatusCode, Header: resp.Header, Body: body}
	if len(body) > maxBody {
		return nil, a.Wrong("Ask for less, or raise the limit", "more than %d MiB", maxBody>>20)
	}
	return a, nil
}

// spoils explains an answer that violates the protocol.
const spoils = "The server, or a proxy in between, truncates or corrupts it"

// Failed returns the error about a request without a complete answer.
func Failed(request, setting string, err error) *Error {
	e := &Error{Request: request, Got: "no answer: ", Err: err, Advice: "Is " + setting + " right, and can this machine reach it?"}
	if lost, ok := err.(*Lost); ok { // as a Doer returns it, like the next
		e.Advice = "It answered earlier in this run, so " + setting + " is right: is it overloaded, or restarting?"
		err = lost.Err
	}
	if cut, ok := err.(*Cut); ok {
		unread := "body"
		if cut.Header {
			unread = "header"
		}
		e.Status, e.Got = cut.Status, fmt.Sprintf("answered %d, but its %s can't be read: ", cut.Status, unread)
		e.Advice = spoils
		err = cut.Err
	}
	if cause := reach(e.Err, setting); cause != "" {
		e.Advice = cause
	}
	if repeats, ok := err.(*url.Error); ok { // the outermost: it has the whole URL, query and all
		err = repeats.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		without := *op
		without.Source, err = nil, &without // a port of this machine's, another one each time
	}
	if malformed := textproto.ProtocolError(""); errors.As(err, &malformed) {
		e.Advice = spoils
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the connection was closed")
	}
	e.Got += Words(err.Error())
	return e
}

func overdue(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// reach is what to change when nothing, or not all, came back; empty when the error does not tell.
func reach(err error, setting string) string {
	var (
		lookup    *net.DNSError
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &lookup):
		return "Check the host in " + setting + ", and this machine's DNS"
	case errors.As(err, &host):
		return "The certificate is for another host: use one that it names in " + setting
	case errors.As(err, &authority):
		return "Trust the certificate's authority on this machine, or set k6's option insecureSkipTLSVerify"
	case alert(err) == noApplicationProtocol:
		return "It speaks only HTTP/2: set the option protocol to 'h2', for k6's own transport"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "It doesn't speak TLS there: check the scheme and the port in " + setting
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "Each connection takes an open file, and k6 has reached its limit: raise it with ulimit -n 65536"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "This machine has no free local port: keep connections open (noConnectionReuse, noVUConnectionReuse), " +
			"or give k6 more addresses (--local-ips)"
	case errors.Is(err, context.Canceled):
		return "The run ended before the answer was complete"
	case overdue(err):
		return "Is it overloaded, or does a firewall drop the request? The option timeout sets how long to wait"
	}
	return ""
}

// noApplicationProtocol is the TLS alert of a server that speaks none of the protocols that it was offered (RFC 7301, section 3.2).
const noApplicationProtocol = 120

// alert returns the TLS alert that a server has sent; 0 for none.
func alert(err error) uint8 {
	var alert tls.AlertError
	if !errors.As(err, &alert) {
		return 0
	}
	return uint8(alert)
}

// Show returns a URL as messages show it: scheme, host and path, and nothing that could be a secret.
func Show(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// JSON decodes the body into v, and keeps numbers as the server wrote them ([json.Number]). A body that is not JSON, or
// more than one value, is an error that says what it looks like instead.
func (a *Answer) JSON(v any) error {
	dec := json.NewDecoder(bytes.NewReader(a.Body))
	dec.UseNumber()
	err := dec.Decode(v)
	if _, end := dec.Token(); err != nil || !errors.Is(end, io.EOF) {
		return a.noJSON()
	}
	return nil
}

// Wrong returns an error about the answer: what came back, in format and args, and advice on what to change.
func (a *Answer) Wrong(advice, format string, args ...any) *Error {
	return &Error{Request: a.Request, Status: a.Status, Got: "answered " + fmt.Sprintf(format, args...), Advice: advice}
}

// Unexpected returns an error about the answer's status, with advice on that status. hint, when not empty, is what to
// check about the credentials that were sent.
func (a *Answer) Unexpected(hint string) *Error {
	got := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	if a.Status/100 == 3 {
		got += a.leads()
	}
	if wait := a.Header.Get("Retry-After"); wait != "" {
		got += " (Retry-After: " + Clip(wait, 40) + ")"
	}
	return a.Wrong(a.advice(hint), "%s", got)
}

// leads returns where a redirect leads.
func (a *Answer) leads() string {
	location := a.Header.Get("Location")
	if location == "" {
		return " without a Location"
	}
	u, err := url.Parse(location)
	if err != nil {
		return " with a Location that is not a URL"
	}
	return " to " + Words(Show(u))
}

// advice returns what to do about a status.
func (a *Answer) advice(hint string) string {
	switch {
	case a.Status == http.StatusTooManyRequests:
		return "The server limits the rate: wait, or raise its limit for this test"
	case a.Status == http.StatusUnauthorized && hint != "":
		return hint
	case a.Status == http.StatusForbidden && hint != "":
		return hint + ". Or does a gateway forbid it?"
	case a.Status == http.StatusForbidden:
		return "A firewall or bot check may take the requests for an attack: exempt this machine's address. " +
			"If a gateway asks for its own login, put user:password@ into " + a.Setting
	case a.Status == http.StatusUnauthorized:
		return "If a gateway asks for its own login, put user:password@ into " + a.Setting
	case a.Status == http.StatusRequestEntityTooLarge:
		return "The request is too large for it: send less at once, or raise its limit"
	case a.Status == http.StatusRequestURITooLong:
		return "The URL is too long for it: ask for less in one request, or raise its limit"
	case a.Status == http.StatusRequestHeaderFieldsTooLarge:
		return "The header is too large for it: send fewer or shorter fields and cookies, or raise its limit"
	case a.Status == http.StatusNotFound:
		return "Check " + a.Setting + ": nothing is there"
	case a.Status/100 == 3 && strings.HasPrefix(a.leads(), " to "):
		return a.elsewhere(hint)
	case a.Status >= http.StatusInternalServerError:
		return "The server failed: its log says why"
	}
	return "Is " + a.Setting + " the right application's origin?"
}

// elsewhere is the advice on a redirect: a permanent one leads to the right URL, a temporary one perhaps to a login page.
func (a *Answer) elsewhere(hint string) string {
	advice := "Point " + a.Setting + " at the URL that it redirects to"
	if a.Status == http.StatusMovedPermanently || a.Status == http.StatusPermanentRedirect {
		return advice
	}
	advice += ". If that is a login page, the request was not let in"
	if hint != "" {
		advice += ": " + strings.ToLower(hint[:1]) + hint[1:]
	}
	return advice
}

// noJSON returns the error about a body that should have been JSON, with what it is instead.
func (a *Answer) noJSON() *Error {
	advice := a.advice("")
	trimmed := bytes.TrimSpace(a.Body)
	var looks string
	switch {
	case len(trimmed) == 0:
		looks = "an empty body instead of JSON"
	case trimmed[0] == '<':
		looks = fmt.Sprintf("an HTML page instead of JSON (%d bytes)", len(a.Body))
	case json.Valid(trimmed):
		looks = fmt.Sprintf("JSON of an unexpected shape (%d bytes)", len(a.Body))
	case trimmed[0] == '{' || trimmed[0] == '[':
		looks = fmt.Sprintf("truncated or invalid JSON (%d bytes)", len(a.Body))
		advice = "See the log of the server, or of a proxy in between"
	default:
		kind := a.Header.Get("Content-Type")
		if kind == "" {
			kind = "no Content-Type"
		}
		looks = fmt.Sprintf("a body that is not JSON (%s, %d bytes)", Clip(kind, 60), len(a.Body))
	}
	return a.Wrong(advice, "%d with %s", a.Status, looks)
}

// Words returns a server's text as messages quote it: on one line, not too long, and without a full stop.
func Words(text string) string { return strings.TrimRight(Clip(text, 300), ".") }

// Clip returns at most n bytes of text on one line, without characters that a terminal doesn't show.
func Clip(text string, n int) string {
	hidden := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }
	line := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), hidden), " ")
	if len(line) <= n {
		return line
	}
	for !utf8.RuneStart(line[n]) {
		n--
	}
	return line[:n] + "…"
}
