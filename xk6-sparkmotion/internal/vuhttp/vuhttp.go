// Package vuhttp makes HTTP requests as a VU does: through k6's own HTTP stack, so that every k6 option, tag and http_req_*
// metric is k6's.
package vuhttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext/httpext"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Client is an [answer.Doer]. It follows no redirects and keeps no cookies. A call makes one for its requests, one after another.
type Client struct {
	State   *lib.State
	Name    string        // the tags name and url: a request's URL without what differs from one to the next
	Form    string        // the tag form, when not empty
	Plateau string        // the tag plateau, when not empty
	Timeout time.Duration // of one request
	Public  bool          // no secret in it: --http-debug may show it

	Answered *answer.Answered // hosts that have; may be nil

	took time.Duration
}

// Took returns how long the last request took: k6's http_req_duration, or the time until its failure; 0 before the first one.
func (c *Client) Took() time.Duration { return c.took }

// Do sends req. The answer's body is in memory.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	parsed, err := c.parse(req)
	if err != nil {
		return nil, err
	}
	// k6's Response joins headers of one name, which breaks Set-Cookie: keep them as they came.
	kept := &keepHeader{next: c.State.Transport}
	withKept := *c.State
	withKept.Transport = kept
	if !c.Public {
		withKept.Options.HTTPDebug = null.String{}
	}

	start := time.Now()
	response, err := httpext.MakeRequest(req.Context(), &withKept, parsed)
	c.took = time.Since(start)
	if err != nil {
		if req.Context().Err() == nil {
			err = Late(err, c.Timeout)
		}
		if kept.header != nil {
			return nil, &answer.Cut{Status: kept.status, Err: err}
		}
		return nil, c.Answered.Note(req.URL.Host, err)
	}
	_ = c.Answered.Note(req.URL.Host, nil)
	c.took = time.Duration(response.Timings.Duration * float64(time.Millisecond))
	body, _ := response.Body.([]byte)
	major, _, _ := http.ParseHTTPVersion(response.Proto)
	return &http.Response{
		StatusCode: response.Status, Proto: response.Proto, ProtoMajor: major, Header: kept.header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func (c *Client) parse(req *http.Request) (*httpext.ParsedHTTPRequest, error) {
	u, err := httpext.NewURL(req.URL.String(), c.Name)
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
	if agent := c.State.Options.UserAgent; agent.Valid && req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", agent.String)
	}
	tags := c.State.Tags.GetCurrentValues()
	for _, tag := range [...][2]string{{"form", c.Form}, {"plateau", c.Plateau}} {
		if tag[1] != "" {
			tags.SetTag(tag[0], tag[1])
		}
	}
	return &httpext.ParsedHTTPRequest{
		URL: &u, Req: req, Body: body, Timeout: c.Timeout, Throw: true,
		ResponseType:     httpext.ResponseTypeBinary,
		ResponseCallback: Expected,
		Redirects:        null.IntFrom(0),
		TagsAndMeta:      tags,
	}, nil
}

// Expected is k6's default idea of a response that did not fail.
func Expected(status int) bool { return status >= 200 && status < 400 }

// Late returns k6's error for a timeout, which says how long it was; any other error as it is.
func Late(err error, timeout time.Duration) error {
	const code = 1050 // k6's error_code for it
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return httpext.NewK6Error(code, "request timeout after "+timeout.String(), err)
	}
	return err
}

// Clean masks a URL's credentials, as k6 does in its tags.
func Clean(link string) string {
	u, err := httpext.NewURL(link, link)
	if err != nil {
		return ""
	}
	return u.Clean()
}

type keepHeader struct {
	next   http.RoundTripper
	status int
	header http.Header
}

func (k *keepHeader) RoundTrip(req *http.Request) (*http.Response, error) {
	response, err := k.next.RoundTrip(req)
	if malformed := textproto.ProtocolError(""); errors.As(err, &malformed) {
		// It repeats the line of the header, which may be a secret, and k6 tags the samples with it.
		kind, _, _ := strings.Cut(malformed.Error(), `: "`)
		return nil, textproto.ProtocolError(kind)
	}
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
