package lane

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/ports"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// Request is a tap to be made.
type Request struct {
	Link    string // start of the query, before the band, such as eventId=E&orgId=O&
	Band    []byte // percent-encoded; not kept after the call
	Query   string // what follows the band
	UTM     string // what follows Query, such as &utm_source=nfc
	Hosts   *Hosts
	Due     time.Time
	Timeout time.Duration
	Plateau Plateau
}

// Plateau is a tap's place in the schedule.
type Plateau struct {
	Name     string    // value of the tag plateau; empty outside a schedule
	Stage    int       // index among the schedule's stages
	Tenth    int       // tenths of the plateau that are over
	Scenario string    // that has the schedule
	Began    time.Time // when the scenario began
	Number   int64     // of the tap among those of a search, from 1; 0 in other scenarios
}

// Result is the outcome of a tap.
type Result struct {
	Target  *Target
	Plateau Plateau
	Due     time.Time // when it should have started; zero if no time was set
	Began   time.Time // when it asked for a connection
	Ended   time.Time

	// The parts of a request, as k6 names them. Without an answer, Waiting lasts until the end.
	Blocked, Connecting, Handshaking, Sending, Waiting, Receiving time.Duration

	Dialed bool             // sent on a new connection
	Opened ports.Connection // that connection, if the lane made it

	Peer   Peer
	Proto  string
	Status int    // 0 without an answer
	Host   string // host of Location, as [hostname.Of] writes it; empty if that is not a URL with a host
	Led    Destination
	Source Source

	// Repeats is how often it was sent again because a kept connection ended after the request, before the first byte of an answer.
	Repeats int

	Location string // as the Worker sent it
	wait     string // Retry-After, for messages

	Err  error  // why there is no complete answer
	Code int    // k6's error_code for Err
	Text string // k6's error for Err, with low cardinality
}

// Peer is what k6's tags tell about the other end of a connection.
type Peer struct {
	IP, TLSVersion, OCSP string
}

// Source is where the Worker got a redirect from, judging by the answer.
type Source int

// The sources.
const (
	Unknown Source = iota // the answer does not tell: the target is another system
	KV                    // the Worker answered by itself: no content, no header of Next.js
	Hub                   // the Worker passed on an answer of Next.js
)

// IsRedirect reports whether the Worker answered with the redirect status.
func (r *Result) IsRedirect() bool { return r.Err == nil && r.Status == r.Target.status }

// Redirected reports whether the tap led to a page, or at least not to a fallback. Otherwise it counts as an error.
func (r *Result) Redirected() bool { return r.IsRedirect() && (r.Led == Page || r.Led == Elsewhere) }

// Expected reports the opposite of k6's http_req_failed.
func (r *Result) Expected() bool { return r.Err == nil && vuhttp.Expected(r.Status) }

// Kind returns how a tap failed, with low cardinality: its error_code, "fallback" for a redirect to one, or its status.
func (r *Result) Kind() string {
	switch {
	case r.Err != nil:
		return fmt.Sprint("error_code ", r.Code)
	case r.IsRedirect() && r.Led == Fallback:
		return "fallback"
	}
	return fmt.Sprint("status ", r.Status)
}

// Duration returns k6's http_req_duration.
func (r *Result) Duration() time.Duration { return r.Sending + r.Waiting + r.Receiving }

// Connect returns how long connecting took, with TLS, if the tap was sent on a new connection.
func (r *Result) Connect() time.Duration { return r.Connecting + r.Handshaking }

// Latency returns how long the person with the phone waited: from when a tap of taps(n) was due, or else the request's duration. For a
// failed tap, it is the time until it failed.
func (r *Result) Latency() time.Duration {
	switch {
	case !r.Due.IsZero():
		return r.Ended.Sub(r.Due)
	case r.Err != nil:
		return r.Ended.Sub(r.Began)
	}
	return r.Duration()
}

// Request returns what was tried, as messages show it.
func (r *Result) Request() string { return "GET " + r.Target.shown }

// Note makes answered remember who answered, and makes an error say whether its target had answered before.
func (r *Result) Note(answered *answer.Answered) {
	if r.Status != 0 {
		_ = answered.Note(r.Target.address, nil)
		return
	}
	r.Err = answered.Note(r.Target.address, r.Err)
}

// Failure returns an error that says what came back instead of a redirect.
func (r *Result) Failure() *answer.Error {
	setting := r.Target.Setting
	request := r.Request()
	if r.Err != nil {
		return answer.Failed(request, setting, r.Err)
	}
	header := http.Header{"Location": {r.Location}, "Retry-After": {r.wait}}
	wrong := (&answer.Answer{Request: request, Setting: setting, Status: r.Status, Header: header}).Unexpected("")
	switch {
	case r.IsRedirect() && r.Led == Fallback:
		wrong.Advice = "That is a fallback (FALLBACK_HOST): the Worker failed, or could not reach the Hub. Their logs say why"
	case r.Led == Page:
		wrong.Advice = fmt.Sprintf("It leads to the page, but with another status than %d: is the option status right?", r.Target.status)
	case r.IsRedirect():
		wrong.Advice = "A band leads to a whole URL: is " + setting + " the Worker's origin?"
	}
	return wrong
}
