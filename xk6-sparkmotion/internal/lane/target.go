// Package lane sends taps to the Worker: over HTTP/1.1 on kept connections, made with the VU's own dialer and TLS settings, or through the
// VU's transport where that is not possible. A tap is a [Request], and its outcome a new [Result].
package lane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hostname"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// The protocols of taps. With H2, the VU's transport decides, which speaks HTTP/2 if the server does.
const (
	HTTP1 = "http/1.1"
	H2    = "h2"
)

// The forms of a band's link, as the tag form names them: by the organisation's subdomain, or by the IDs of the event and the organisation.
const (
	Subdomain = "subdomain"
	Direct    = "direct"
)

// The connections of taps: kept from an earlier tap, or a new one each, as for a phone's first request. A phone that was there before may
// resume its TLS session.
const (
	Kept    = "kept"
	New     = "new"
	Resumed = "resumed"
)

// Link describes the links that a target's taps open. Its zero values are SparkMotion's.
type Link struct {
	Form     string            // Subdomain or Direct
	Origin   string            // of the Worker; its path, if any, comes before Path
	Setting  string            // name of the setting that holds Origin, for messages
	Protocol string            // HTTP1 or H2
	Path     string            // default "/e"
	Param    string            // query parameter of the band, default "bandId"
	Status   int               // of a redirect, default 302
	Headers  map[string]string // besides Host and User-Agent
	Cookie   string            // sent with every tap

	Connection string // Kept, New or Resumed
}

// Target is where one VU's taps go. Its methods may be called on the VU's goroutine only.
type Target struct {
	Name string // value of the tags name and url: the link without its query
	Form string // value of the tag form
	Fast bool   // HTTP/1.1 on kept connections; otherwise the VU's transport, which emits k6's http_req_* metrics itself

	Setting string // name of the setting that holds the origin

	shown   string      // the link in messages
	origin  string      // of the link, for the VU's transport
	path    string      // path with its ?
	param   string      // name of the band's query parameter, with its =
	status  int         // of a redirect
	fields  http.Header // header for the VU's transport
	public  bool        // contains no secret: --http-debug may show it
	address string      // host:port to dial
	secure  bool        // TLS
	host    string      // for the certificate
	header  tapwire.Header
	kept    string // Kept, New or Resumed
	idle    *idle
}

// NewTarget returns a target for taps at a link. It fails if the link's options are invalid, or can't be combined with k6's.
func NewTarget(l Link, options *lib.Options, pool *Pool) (*Target, error) {
	link, err := l.url()
	if err != nil {
		return nil, err
	}
	t := &Target{
		Name:    vuhttp.Clean(link.String()),
		Form:    l.Form,
		Setting: l.Setting,
		shown:   answer.Show(link),
		origin:  strings.TrimSuffix(link.String(), link.RequestURI()),
		path:    link.EscapedPath() + "?",
		param:   url.QueryEscape(cmp.Or(l.Param, "bandId")) + "=",
		status:  cmp.Or(l.Status, http.StatusFound),
		address: hostPort(link),
		secure:  link.Scheme == "https",
		host:    link.Hostname(),
		kept:    cmp.Or(l.Connection, Kept),
		idle:    pool.of(l, options),
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: link})
	if err != nil {
		return nil, fmt.Errorf("the proxy in the environment: %w", err)
	}
	t.Fast = proxy == nil && l.Protocol == HTTP1 && options.HTTPDebug.String == ""
	if t.kept != Kept && !t.Fast {
		return nil, fmt.Errorf("connection %s needs protocol %s without a proxy or --http-debug", t.kept, HTTP1)
	}
	t.fields = l.fields(link, options)
	t.public = link.User == nil && l.Cookie == "" && len(l.Headers) == 0
	t.header, err = render(link.Host, options, t.fields)
	return t, err
}

// url returns the link without its query.
func (l Link) url() (*url.URL, error) {
	if l.Protocol != HTTP1 && l.Protocol != H2 {
		return nil, fmt.Errorf("protocol must be http/1.1 or h2, got %q", l.Protocol)
	}
	if l.Status != 0 && (l.Status < 300 || l.Status > 399) {
		return nil, fmt.Errorf("status must be a redirect's, 300 to 399, got %d", l.Status)
	}
	path := cmp.Or(l.Path, "/e")
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return nil, fmt.Errorf("path must begin with / and have no query, got %q: the option query takes that", path)
	}
	link, err := url.Parse(strings.TrimRight(l.Origin, "/") + path)
	if err != nil {
		return nil, errors.New("no URL can be made of " + l.Setting + " and the path") // without err, which repeats the URL
	}
	if name, port := hostname.ASCII(link.Hostname()), link.Port(); !strings.Contains(name, ":") {
		link.Host = name
		if port != "" {
			link.Host = net.JoinHostPort(name, port)
		}
	}
	return link, nil
}

// fields returns the header fields of a tap, besides Host.
func (l Link) fields(link *url.URL, options *lib.Options) http.Header {
	fields := make(http.Header)
	for name, value := range l.Headers {
		fields.Set(name, value)
	}
	if l.Cookie != "" {
		fields.Set("Cookie", l.Cookie)
	}
	if link.User != nil {
		req := &http.Request{Header: fields}
		password, _ := link.User.Password()
		req.SetBasicAuth(link.User.Username(), password)
	}
	if fields.Get("User-Agent") == "" && options.UserAgent.String != "" {
		fields.Set("User-Agent", options.UserAgent.String)
	}
	return fields
}

func render(host string, options *lib.Options, fields http.Header) (tapwire.Header, error) {
	var rendered [][2]string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		rendered = append(rendered, [2]string{name, fields.Get(name)})
	}
	if options.NoConnectionReuse.Bool {
		rendered = append(rendered, [2]string{"Connection", "close"})
	}
	return tapwire.NewHeader(host, "", rendered...)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Do makes one tap.
func (t *Target) Do(ctx context.Context, state *lib.State, r Request) Result {
	c := t.idle.take(t)
	c.prepare(r)
	result := c.send(ctx, state)
	t.idle.put(c, &result)
	return result
}

// Host returns the host that taps go to, with its port.
func (t *Target) Host() string { return t.address }
