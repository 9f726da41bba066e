package lane

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext/httpext"
	"go.k6.io/k6/v2/metrics"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// overTransport sends the tap through the VU's own transport.
func (c *conn) overTransport(ctx context.Context, state *lib.State, r *Result) {
	client := &vuhttp.Client{
		State: state, Name: c.target.Name, Form: c.target.Form, Plateau: r.Plateau.Name, Timeout: c.request.Timeout,
		Public: c.target.public,
	}
	var sent sendings
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, sent.trace()), http.MethodGet, c.target.origin+c.target.path+string(c.bytes), nil)
	if err != nil {
		r.Err, r.Ended = err, time.Now()
		return
	}
	req.Header = c.target.fields.Clone()
	response, err := client.Do(req) //nolint:bodyclose // vuhttp has read the whole body
	r.Ended, r.Repeats = time.Now(), sent.repeats()
	r.Dialed, r.Connecting, r.Handshaking = sent.dialed.Load(), sent.connecting.took(), sent.handshaking.took()
	if err != nil {
		r.Err = err
		return
	}
	r.Status, r.Proto, r.Waiting = response.StatusCode, response.Proto, client.Took()
	r.Location, r.Host = c.locations.find([]byte(response.Header.Get("Location")))
	r.wait = response.Header.Get("Retry-After")
	length := response.Header.Get("Content-Length")
	r.Source = sourceOf(byNext(response.Header), length == "0" || length == "" && response.ProtoMajor == 2 && response.ContentLength == 0)
}

// sendings counts how often net/http sent one request: it repeats one by itself if a kept connection ends before an answer. A request that
// was sent in part can't be told from one that was not sent.
type sendings struct {
	begun, failed atomic.Int32

	dialed                  atomic.Bool // the last connection it was sent on was new
	connecting, handshaking span
}

// span is a period of time that several goroutines see.
type span struct{ from, to atomic.Int64 }

func (s *span) begin() { s.from.Store(time.Now().UnixNano()) }
func (s *span) end()   { s.to.Store(time.Now().UnixNano()) }

func (s *span) took() time.Duration { return time.Duration(max(0, s.to.Load()-s.from.Load())) }

// trace counts on the goroutines that write, and counts the headers before their bytes leave, so that no answer overtakes the count.
func (s *sendings) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectStart:      func(string, string) { s.connecting.begin() },
		ConnectDone:       func(string, string, error) { s.connecting.end() },
		TLSHandshakeStart: func() { s.handshaking.begin() },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { s.handshaking.end() },
		GotConn:           func(info httptrace.GotConnInfo) { s.dialed.Store(!info.Reused) },
		WroteHeaders:      func() { s.begun.Add(1) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err != nil {
				s.failed.Add(1)
			}
		},
	}
}

func (s *sendings) repeats() int { return max(0, int(s.begun.Load()-s.failed.Load())-1) }

// byNext reports whether a header has what only Next.js or Vercel sets.
func byNext(header http.Header) bool {
	for _, field := range header.Values("Vary") {
		for name := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(name), "rsc") {
				return true
			}
		}
	}
	return header.Get("X-Vercel-Id") != ""
}

// classify returns k6's error_code and error for err. k6 does not export its table, so k6's own client is made to fail with err.
func classify(err error, timeout time.Duration, state *lib.State) (code int, text string) {
	u, failed := httpext.NewURL("http://tap/", "tap")
	if failed != nil {
		return 0, ""
	}
	quiet := logrus.New()
	quiet.SetLevel(logrus.PanicLevel)
	alone := &lib.State{
		Options: state.Options, BuiltinMetrics: state.BuiltinMetrics, Tags: state.Tags, BufferPool: state.BufferPool,
		Logger: quiet, Transport: failing{err}, Samples: make(chan metrics.SampleContainer, 1),
	}
	alone.Options.HTTPDebug = null.String{}
	response, failed := httpext.MakeRequest(context.Background(), alone, &httpext.ParsedHTTPRequest{
		URL: &u, Req: &http.Request{Method: http.MethodGet, URL: u.GetURL(), Header: http.Header{}},
		Timeout: timeout, TagsAndMeta: state.Tags.GetCurrentValues(),
	})
	if failed != nil {
		return 0, ""
	}
	return response.ErrorCode, response.Error
}

// failing is a transport that fails with an error.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
