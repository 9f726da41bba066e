// Package lane is the way that taps take to the Worker: HTTP/1.1 on kept connections, made with the VU's own dialer and TLS
// settings, or the VU's transport where that lane can't go. A tap is a [Request], and what came of it a [Result], fresh for
// each.
package lane

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// The protocols that taps may speak. H2 leaves it to the VU's transport, which speaks HTTP/2 where the server does.
const (
	HTTP1 = "http/1.1"
	H2    = "h2"
)

// Target is where one VU's taps go, with the connections that it keeps there. Its methods are the VU's goroutine's.
type Target struct {
	Name string // the tags name and url: the link without its query
	Fast bool   // HTTP/1.1 on kept connections; else the VU's transport, which emits k6's http_req_* metrics itself

	shown   string // the link in messages
	origin  string // of the link, for the VU's transport
	path    string // path and query up to the band
	address string // host:port to dial
	secure  bool   // TLS
	host    string // for its certificate
	header  tapwire.Header
	idle    []*conn // the last used last
}

// NewTarget returns the target of taps at the Worker's origin.
func NewTarget(origin, protocol string, options *lib.Options) (*Target, error) {
	link, err := url.Parse(strings.TrimSuffix(origin, "/") + "/e")
	if err != nil {
		return nil, err
	}
	if protocol != HTTP1 && protocol != H2 {
		return nil, fmt.Errorf("protocol must be http/1.1 or h2, got %q", protocol)
	}
	t := &Target{
		Name:    vuhttp.Clean(link.String()),
		shown:   answer.Show(link),
		origin:  strings.TrimSuffix(link.String(), link.RequestURI()),
		path:    link.EscapedPath() + "?bandId=",
		address: hostPort(link),
		secure:  link.Scheme == "https",
		host:    link.Hostname(),
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: link})
	if err != nil {
		return nil, fmt.Errorf("the proxy in the environment: %w", err)
	}
	t.Fast = proxy == nil && protocol == HTTP1 && options.HTTPDebug.String == ""
	t.header, err = header(link, options)
	return t, err
}

func header(link *url.URL, options *lib.Options) (tapwire.Header, error) {
	var fields [][2]string
	if link.User != nil {
		req := &http.Request{Header: http.Header{}}
		password, _ := link.User.Password()
		req.SetBasicAuth(link.User.Username(), password)
		fields = append(fields, [2]string{"Authorization", req.Header.Get("Authorization")})
	}
	if options.NoConnectionReuse.Bool {
		fields = append(fields, [2]string{"Connection", "close"})
	}
	return tapwire.NewHeader(link.Host, options.UserAgent.String, fields...)
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
	c := t.take()
	c.prepare(r)
	result := c.send(ctx, state)
	t.put(c, result.Ended)
	return result
}

// Idle returns how many connections are kept for the next taps.
func (t *Target) Idle() int { return len(t.idle) }

// take returns an idle connection, or a new one, which is dialed when it sends.
func (t *Target) take() *conn {
	if n := len(t.idle); n > 0 {
		c := t.idle[n-1]
		t.idle = slices.Delete(t.idle, n-1, n)
		return c
	}
	return &conn{target: t}
}

// maxIdle is how long a connection is kept that nothing is sent on: a slow second may have needed many.
const maxIdle = 30 * time.Second

// put takes a connection back, open or not, and drops the one that was of no use for longest.
func (t *Target) put(c *conn, now time.Time) {
	c.used = now
	t.idle = append(t.idle, c)
	if oldest := t.idle[0]; now.Sub(oldest.used) > maxIdle {
		oldest.drop()
		t.idle = slices.Delete(t.idle, 0, 1)
	}
}
