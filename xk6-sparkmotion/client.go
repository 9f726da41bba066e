package sparkmotion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext/httpext"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

// errInit is thrown by what needs a VU: the init context has no network, as k6's own modules say.
var errInit = errors.New("requests can't be made in the init context: call it from setup() or a scenario's function")

// client is a VU as an [answer.Doer]: k6's own HTTP stack with all its options and http_req_* metrics. It follows no
// redirects and keeps no cookies.
type client struct {
	state   *lib.State
	name    string // the tags name and url: a request's URL without what differs from one to the next
	plateau string // the tag plateau, when not empty
	timeout time.Duration
	public  bool          // no secret in it: --http-debug may show it
	took    time.Duration // the last request: k6's http_req_duration, or until its failure
}

func (m *module) client(name string, timeout time.Duration) (*client, error) {
	if m.vu.State() == nil {
		return nil, errInit
	}
	if m.vu.State().Options.HTTPDebug.String != "" {
		m.run.notices.once("http-debug", func() {
			m.logger().Warn("--http-debug shows taps only: the other requests of k6/x/sparkmotion carry secrets")
		})
	}
	return &client{state: m.vu.State(), name: clean(name), timeout: timeout}, nil
}

// Do sends req. The answer's body is in memory.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	parsed, err := c.parse(req)
	if err != nil {
		return nil, err
	}
	// k6's Response joins headers of one name, which breaks Set-Cookie: keep them as they came.
	kept := &keepHeader{next: c.state.Transport}
	withKept := *c.state
	withKept.Transport = kept
	if !c.public {
		withKept.Options.HTTPDebug = null.String{}
	}

	start := time.Now()
	response, err := httpext.MakeRequest(req.Context(), &withKept, parsed)
	c.took = time.Since(start)
	if err != nil {
		if req.Context().Err() == nil {
			err = late(err, c.timeout)
		}
		if kept.header != nil {
			err = &answer.Cut{Status: kept.status, Err: err}
		}
		return nil, err
	}
	c.took = time.Duration(response.Timings.Duration * float64(time.Millisecond))
	body, _ := response.Body.([]byte)
	return &http.Response{
		StatusCode: response.Status, Proto: response.Proto, Header: kept.header, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func (c *client) parse(req *http.Request) (*httpext.ParsedHTTPRequest, error) {
	u, err := httpext.NewURL(req.URL.String(), c.name)
	if err != nil {
		return nil, err
	}
	var body *bytes.Buffer
	if req.Body != nil && req.Body != http.NoBody {
		body = new(bytes.Buffer)
		if _, err := body.ReadFrom(req.Body); err != nil {
			return nil, err
		}
	}
	if agent := c.state.Options.UserAgent; agent.Valid {
		req.Header.Set("User-Agent", agent.String)
	}
	tags := c.state.Tags.GetCurrentValues()
	if c.plateau != "" {
		tags.SetTag("plateau", c.plateau)
	}
	return &httpext.ParsedHTTPRequest{
		URL: &u, Req: req, Body: body, Timeout: c.timeout, Throw: true,
		ResponseType:     httpext.ResponseTypeBinary,
		ResponseCallback: expected,
		Redirects:        null.IntFrom(0),
		TagsAndMeta:      tags,
	}, nil
}

// expected is k6's default idea of a response that did not fail.
func expected(status int) bool { return status >= 200 && status < 400 }

// late says of a timeout how long it was.
func late(err error, timeout time.Duration) error {
	const code = 1050 // k6's error_code for it
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return httpext.NewK6Error(code, "request timeout after "+timeout.String(), err)
	}
	return err
}

type keepHeader struct {
	next   http.RoundTripper
	status int
	header http.Header
}

func (k *keepHeader) RoundTrip(req *http.Request) (*http.Response, error) {
	response, err := k.next.RoundTrip(req)
	if response == nil {
		return nil, err
	}
	k.status, k.header = response.StatusCode, response.Header
	if _, unfit := url.Parse(response.Header.Get("Location")); unfit != nil {
		// net/http fails on it though it is not to follow it, and k6 tags the samples with all of it.
		response.Header = response.Header.Clone()
		response.Header.Del("Location")
	}
	return response, err
}

// clean masks a URL's credentials, as k6 does in its tags.
func clean(link string) string {
	u, err := httpext.NewURL(link, link)
	if err != nil {
		return ""
	}
	return u.Clean()
}

// context is the VU's: it ends with the iteration, or with setup().
func (m *module) context() context.Context { return m.vu.Context() }

// properties are what a script may want to know of an error beyond its text.
func properties(err error) map[string]any {
	var (
		fromTRPC  *trpc.Error
		fromRedis *upstash.Error
		wrong     *answer.Error
	)
	switch {
	case errors.As(err, &fromTRPC):
		return map[string]any{"code": fromTRPC.Code, "status": fromTRPC.Status, "procedure": fromTRPC.Procedure}
	case errors.As(err, &fromRedis):
		return map[string]any{"command": fromRedis.Command}
	case errors.As(err, &wrong):
		return map[string]any{"status": wrong.Status}
	}
	return nil
}

// in says which primitive an error is from.
func in(call string, err error) error { return fmt.Errorf("%s: %w", call, err) }
