package sparkmotion

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"
	"go.k6.io/k6/v2/lib/netext/httpext"
	"go.k6.io/k6/v2/metrics"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
)

// line is one connection to the Worker and the tap that it carries: never more than one at a time. Lines of a VU may
// run at once, so a line touches nothing but itself while it sends.
type line struct {
	plan *tapPlan
	wire *tapwire.Conn   // nil before the first tap and after a close
	made context.Context // of the iteration that dialed it
	peer peer

	// the tap
	band    []byte
	utm     string
	plateau moment
	due     time.Time // when it should start; zero when that is whenever it does
	request []byte

	// what came of it
	began                     time.Time // when it asked for a connection
	connecting, handshaking   time.Duration
	response                  tapwire.Response
	sending, waiting, reading time.Duration
	err                       error
	code                      int    // k6's error_code, of err
	text                      string // its error, low in cardinality
}

// peer is what k6's tags tell of a connection's other end.
type peer struct {
	ip, tlsVersion, ocsp string
}

// send makes the tap. The fast lane repeats it once on a new connection when a kept one turns out to be stale: the
// server closed it before a byte came back, so that nothing is known of the tap (RFC 9112, section 9.3.1).
func (l *line) send(ctx context.Context, state *lib.State) {
	l.began = time.Now()
	l.connecting, l.handshaking = 0, 0
	l.sending, l.waiting, l.reading = 0, 0, 0
	l.code, l.text = 0, ""
	if !l.plan.fast {
		l.roundTrip(ctx, state)
		return
	}
	if l.wire != nil && state.Options.NoVUConnectionReuse.Bool && l.made.Err() != nil {
		l.drop() // another iteration's
	}
	kept := l.wire != nil
	l.err = l.exchange(ctx, state)
	if kept && stale(l.err, &l.response) {
		l.err = l.exchange(ctx, state)
	}
	l.time()
}

// stale tells a kept connection that was dead from an answer.
func stale(err error, r *tapwire.Response) bool {
	return err != nil && !r.Answered() && !errors.Is(err, os.ErrDeadlineExceeded) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// exchange sends the request over the line's connection, dialing when there is none.
func (l *line) exchange(ctx context.Context, state *lib.State) error {
	if l.wire == nil {
		l.response = tapwire.Response{Start: l.began, Done: l.began}
		err := l.dial(ctx, state)
		if err != nil {
			l.response.Done = time.Now()
			return err
		}
	}
	left := l.plan.options.Timeout - time.Since(l.began)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	l.request = tapwire.AppendRequest(l.request[:0], l.plan.header, l.plan.target, string(l.band), l.utm)
	err := l.wire.Exchange(ctx, left, l.request, &l.response)
	if !l.response.KeepAlive || state.Options.NoConnectionReuse.Bool {
		l.drop()
	}
	return err
}

// dial connects through the VU's dialer, with its TLS settings.
func (l *line) dial(ctx context.Context, state *lib.State) error {
	limited, cancel := context.WithDeadline(ctx, l.began.Add(l.plan.options.Timeout))
	defer cancel()
	l.peer = peer{}
	start := time.Now()
	conn, err := state.Dialer.DialContext(limited, "tcp", l.plan.address)
	if err != nil {
		return overdue(limited, ctx, err)
	}
	l.connecting = time.Since(start)
	if counted, ok := conn.(*netext.Conn); ok {
		conn = visible{counted}
	}
	if l.plan.secure {
		if conn, err = l.handshake(limited, conn, state); err != nil {
			return overdue(limited, ctx, err)
		}
	}
	if host, _, err := net.SplitHostPort(conn.RemoteAddr().String()); err == nil {
		l.peer.ip = host
	}
	l.wire, l.made = tapwire.NewConn(conn), ctx
	return nil
}

// overdue tells the tap's own timeout from the dialer's, as k6's client does.
func overdue(limited, ctx context.Context, err error) error {
	if limited.Err() != nil && ctx.Err() == nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

// drop closes the connection, if there is one.
func (l *line) drop() {
	if l.wire != nil {
		_ = l.wire.Close() // it is done with
		l.wire = nil
	}
}

// visible lets tapwire look at the socket below k6's byte counter, to see a kept connection that the server closed.
type visible struct{ *netext.Conn }

// SyscallConn is [syscall.Conn].
func (v visible) SyscallConn() (syscall.RawConn, error) {
	if below, ok := v.Conn.Conn.(syscall.Conn); ok {
		return below.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

func (l *line) handshake(ctx context.Context, conn net.Conn, state *lib.State) (net.Conn, error) {
	config := state.TLSConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = l.plan.host
	}
	config.NextProtos = []string{"http/1.1"}
	start := time.Now()
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error is the one to tell
		return nil, err
	}
	l.handshaking = time.Since(start)
	negotiated := secured.ConnectionState()
	info, ocsp := netext.ParseTLSConnState(&negotiated)
	l.peer.tlsVersion, l.peer.ocsp = info.Version, ocsp.Status
	return secured, nil
}

// time cuts the exchange into the parts that k6 names. Until a first byte, or the end without one, it waited.
func (l *line) time() {
	r := &l.response
	if r.Wrote.IsZero() {
		return
	}
	l.sending = r.Wrote.Sub(r.Start)
	if !r.Answered() {
		l.waiting = r.Done.Sub(r.Wrote)
		return
	}
	l.waiting, l.reading = r.FirstByte.Sub(r.Wrote), r.Done.Sub(r.FirstByte)
}

// roundTrip sends the tap through the VU's own transport, which emits the http_req_* metrics itself.
func (l *line) roundTrip(ctx context.Context, state *lib.State) {
	c := &client{
		state: state, name: l.plan.name, plateau: l.plateau.name, timeout: l.plan.options.Timeout,
		public: !strings.Contains(l.plan.origin, "@"),
	}
	l.response = tapwire.Response{Start: l.began}
	target := l.plan.origin + l.plan.target + string(l.band) + l.utm
	var req *http.Request
	if req, l.err = http.NewRequestWithContext(ctx, http.MethodGet, target, nil); l.err != nil {
		return
	}
	response, err := c.Do(req)
	l.err = err
	l.response.Done = time.Now()
	if err != nil {
		return
	}
	l.response.Status, l.response.Proto = response.StatusCode, response.Proto
	l.response.Location = []byte(response.Header.Get("Location"))
	l.waiting = c.took
}

// duration is k6's http_req_duration.
func (l *line) duration() time.Duration { return l.sending + l.waiting + l.reading }

// latency is what a person with the phone waited: from when a tap of taps(n) should have started, else the request's
// duration. A tap that failed took as long as that took.
func (l *line) latency() time.Duration {
	switch {
	case !l.due.IsZero():
		return l.response.Done.Sub(l.due)
	case l.err != nil:
		return l.response.Done.Sub(l.began)
	}
	return l.duration()
}

// failure says what came back in place of a redirect.
func (l *line) failure() *answer.Error {
	const setting = "WORKER_URL"
	request, status := "GET "+l.plan.shown, l.response.Status
	if l.err != nil {
		err := late(l.err, l.plan.options.Timeout)
		if l.plan.fast && status != 0 {
			err = &answer.Cut{Status: status, Err: err}
		}
		return answer.Failed(request, setting, err)
	}
	header := http.Header{"Location": {string(l.response.Location)}}
	wrong := (&answer.Answer{Request: request, Setting: setting, Status: status, Header: header}).Unexpected("")
	if status == http.StatusFound {
		wrong.Advice = "A band leads to a whole URL: is " + setting + " the Worker's origin?"
	}
	return wrong
}

// classify finds k6's error_code for err. k6 does not export its table, so k6's own client is made to meet err.
func (l *line) classify(state *lib.State) {
	u, err := httpext.NewURL("http://tap/", "tap")
	if err != nil {
		return
	}
	quiet := logrus.New()
	quiet.SetLevel(logrus.PanicLevel)
	alone := &lib.State{
		Options: state.Options, BuiltinMetrics: state.BuiltinMetrics, Tags: state.Tags, BufferPool: state.BufferPool,
		Logger: quiet, Transport: failing{l.err}, Samples: make(chan metrics.SampleContainer, 1),
	}
	alone.Options.HTTPDebug = null.String{}
	response, err := httpext.MakeRequest(context.Background(), alone, &httpext.ParsedHTTPRequest{
		URL: &u, Req: &http.Request{Method: http.MethodGet, URL: u.GetURL(), Header: http.Header{}},
		Timeout: l.plan.options.Timeout, TagsAndMeta: state.Tags.GetCurrentValues(),
	})
	if err == nil {
		l.code, l.text = response.ErrorCode, response.Error
	}
}

// failing is a transport that meets an error.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
