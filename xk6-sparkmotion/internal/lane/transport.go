package lane

import (
	"context"
	"net/http"
	"strings"
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.target.origin+c.target.path+string(c.bytes), nil)
	if err != nil {
		r.Err, r.Ended = err, time.Now()
		return
	}
	req.Header = c.target.fields.Clone()
	response, err := client.Do(req)
	r.Ended = time.Now()
	if err != nil {
		r.Err = err
		return
	}
	r.Status, r.Proto, r.Waiting = response.StatusCode, response.Proto, client.Took()
	r.location, r.Host = c.locations.find([]byte(response.Header.Get("Location")))
	length := response.Header.Get("Content-Length")
	r.Source = sourceOf(byNext(response.Header), length == "0" || length == "" && response.ProtoMajor == 2 && response.ContentLength == 0)
}

// byNext reports whether a header has what Next.js or Vercel set.
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

// classify returns k6's error_code and error for err. k6 does not export its table, so k6's own client is made to meet err.
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

// failing is a transport that meets an error.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
