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
	"regexp"
	"slices"
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
	e := &Error{Request: request, Got: "no answer: ", Err: err, Advice: silent(request, setting, err)}
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

// silent is what to change when a server that has not answered before closes the connection, or can't be reached.
func silent(request, setting string, err error) string {
	switch {
	case !errors.Is(err, io.EOF):
	case strings.Contains(request, " http://"):
		return "Is " + setting + " right? A server with TLS needs https://"
	case strings.Contains(request, " https://"):
		return "Is " + setting + " right? A server without TLS needs http://"
	}
	return "Is " + setting + " right, and can this machine reach it?"
}

func overdue(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// reach is what to change when nothing, or not all, came back; empty when the error does not tell.
func reach(err error, setting string) string {
	var (
		lookup    *net.DNSError
		address   *net.AddrError
		host      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &lookup):
		return "Check the host in " + setting + ", and this machine's DNS"
	case errors.As(err, &address):
		return "Check the host and the port in " + setting + ": a port is 1 to 65535"
	case errors.As(err, &host):
		return "The certificate is for another host: use one that it names in " + setting
	case errors.As(err, &authority):
		return "Trust the certificate's authority on this machine, or set k6's option insecureSkipTLSVerify"
	case errors.As(err, &invalid):
		return "Renew the server's certificate, or set k6's option insecureSkipTLSVerify"
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
	return secured(err, setting)
}

// The TLS alerts of a server that a setting can answer (RFC 8446, section 6.2, and RFC 7301, section 3.2).
const (
	handshakeFailure      = 40
	badCertificate        = 42
	protocolVersion       = 70
	unrecognizedName      = 112
	certificateRequired   = 116
	noApplicationProtocol = 120
)

// secured is what to change when one end speaks TLS and the other does not, or when both do and can't agree.
func secured(err error, setting string) string {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "It doesn't speak TLS there: check the scheme and the port in " + setting
	case speaksTLS(err):
		return "It speaks TLS there: write https:// in " + setting + ", or check its port"
	case alerts(err, noApplicationProtocol):
		return "It speaks only HTTP/2: set the option protocol to 'h2', for k6's own transport"
	case alerts(err, certificateRequired), alerts(err, badCertificate):
		return "The server wants a client's certificate: give k6 one in its option tlsAuth"
	case alerts(err, protocolVersion), strings.Contains(err.Error(), "tls: server selected unsupported protocol version"):
		return "The server speaks another version of TLS: allow it in k6's option tlsVersion, or have the server speak TLS 1.2 or 1.3"
	case alerts(err, handshakeFailure):
		return "The server agrees to no version or cipher of TLS that k6 offers, or wants a client's certificate: see k6's options " +
			"tlsVersion, tlsCipherSuites and tlsAuth"
	case alerts(err, unrecognizedName):
		return "The server has no certificate for that host: check the host in " + setting
	}
	return ""
}

// alerts reports whether a server has ended the connection with a TLS alert. Its type is crypto/tls's own, and its text is not.
func alerts(err error, alert tls.AlertError) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" && op.Err.Error() == alert.Error()
}

// speaksTLS reports whether a server sent a TLS record in answer to plain text. net/http quotes what came.
func speaksTLS(err error) bool {
	own, ok := errors.AsType[interface {
		error
		TLS() bool
	}](err)
	return ok && own.TLS() || strings.Contains(err.Error(), `"\x15\x03`)
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
	u, wrong := a.location()
	if u == nil {
		return wrong
	}
	return " to " + shownLocation(u)
}

const differing = " with different Locations"

// location returns where a redirect leads; nil, and what is wrong with that, when it leads nowhere.
func (a *Answer) location() (u *url.URL, wrong string) {
	locations := a.Header.Values("Location")
	switch {
	case Differ(locations):
		return nil, differing
	case len(locations) == 0 || locations[0] == "":
		return nil, " without a Location"
	}
	u, err := url.Parse(locations[0])
	if err != nil {
		return nil, " with a Location that is not a URL"
	}
	return u, ""
}

// Differ reports whether a header's field has several values that are not the same.
func Differ(values []string) bool {
	return slices.ContainsFunc(values, func(value string) bool { return value != values[0] })
}

// shownLocation shows a Location. What is neither a URL with a host nor a path is in quotes; its query, and what stands before an @, are
// left out.
func shownLocation(u *url.URL) string {
	if u.Host != "" || u.Path != "" {
		return Words(Show(u))
	}
	text := u.Opaque
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = "…" + text[at:]
	}
	if u.Scheme != "" {
		text = u.Scheme + ":" + text
	}
	if u.RawQuery != "" || u.ForceQuery {
		text += "?…"
	}
	if u.Fragment != "" {
		text += "#…"
	}
	return `"` + Clip(text, 100) + `"`
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
	case a.Status == http.StatusPaymentRequired:
		return "It asks for payment: see the account's plan and limits"
	case a.Status == http.StatusProxyAuthRequired:
		return "A proxy asks for its login: put user:password@ into HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY"
	case a.Status == http.StatusMisdirectedRequest:
		return "The server is not set up for this host: check the host in " + a.Setting + ", and the server's hosts and certificates"
	case a.Status == http.StatusBadRequest && plainToTLS.Match(a.Body):
		return "It speaks TLS there: write https:// in " + a.Setting + ", or check its port"
	case a.Status == http.StatusNotFound:
		return "Check " + a.Setting + ": nothing is there"
	case a.Status/100 == 3:
		return a.elsewhere(hint)
	case cloudflare[a.Status] != "":
		return "Cloudflare answered that, because " + cloudflare[a.Status] + ": see the origin behind it, and its address at Cloudflare"
	case a.Status >= http.StatusInternalServerError:
		return "The server failed: its log says why"
	}
	return a.wrongPlace()
}

func (a *Answer) wrongPlace() string { return "Is " + a.Setting + " the right application's origin?" }

// plainToTLS is how servers say that a request in plain text came to a port for TLS: net/http, nginx and Apache.
var plainToTLS = regexp.MustCompile(`(?i)HTTP request (to an HTTPS server|was sent to (an )?HTTPS port)|plain HTTP to an SSL-enabled`)

// cloudflare has the statuses that Cloudflare answers with itself, and why.
var cloudflare = map[int]string{
	520: "the origin's answer was empty or made no sense",
	521: "the origin refused the connection",
	522: "it could not connect to the origin in time",
	523: "it could not reach the origin",
	524: "the origin did not answer in time",
	525: "the TLS handshake with the origin failed",
	526: "the origin's certificate is not valid",
	527: "it lost the connection to the origin",
	530: "it could not reach the origin, as the error 1xxx in the page says, such as 1016 for a name that does not resolve",
}

// elsewhere is the advice on a redirect: a permanent one leads to the right URL, a temporary one perhaps to a login page.
func (a *Answer) elsewhere(hint string) string {
	switch u, wrong := a.location(); {
	case wrong == differing:
		return "Browsers refuse that (ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION): does a proxy in between add one?"
	case u == nil || u.Host == "" && u.Path == "":
		return a.wrongPlace()
	}
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
