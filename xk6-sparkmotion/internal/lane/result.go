package lane

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/ports"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// Request is a tap to be made.
type Request struct {
	Link    string // the query's beginning, before the band, such as eventId=E&orgId=O&
	Band    []byte // percent-encoded; read before the call that it is given to returns
	Query   string // what follows the band
	UTM     string // what follows that, such as &utm_source=nfc
	Hosts   *Hosts
	Due     time.Time
	Timeout time.Duration
	Plateau Plateau
}

// Plateau is a tap's place in the schedule.
type Plateau struct {
	Name     string    // the tag; empty outside of a schedule
	Stage    int       // its place among the schedule's stages
	Tenth    int       // how many tenths of a plateau are over
	Scenario string    // whose schedule it is
	Began    time.Time // when its scenario did
	Number   int64     // among the taps that a search asked for, from 1; 0 in other scenarios
}

// Result is what came of a tap.
type Result struct {
	Target  *Target
	Plateau Plateau
	Due     time.Time // when it should have started; zero when that was whenever it did
	Began   time.Time // when it asked for a connection
	Ended   time.Time

	// The parts of a request, as k6 names them. Without an answer it waited until its end.
	Blocked, Connecting, Handshaking, Sending, Waiting, Receiving time.Duration

	Dialed bool             // it was sent on a new connection
	Opened ports.Connection // that connection; of the lane's own alone

	Peer   Peer
	Proto  string
	Status int    // 0 without an answer
	Host   string // that its Location leads to, as [hostname.Of] writes it; empty for one that is no URL with a host
	Led    Destination
	Source Source

	// Repeats is how often it was sent again, as a kept connection ended after the request and before a byte of its answer.
	Repeats int

	Location string // as the Worker sent it
	Differs  bool   // it sent several that differ, and so leads nowhere
	wait     string // Retry-After, for messages

	Err  error  // why no whole answer came
	Code int    // k6's error_code for Err
	Text string // k6's error for Err, low in cardinality
}

// Peer is what k6's tags tell of a connection's other end.
type Peer struct {
	IP, TLSVersion, OCSP string
}

// Source is where the Worker had a redirect from, by what its answer carries.
type Source int

// The sources.
const (
	Unknown Source = iota // the answer does not tell: the target is another system
	KV                    // the Worker answered by itself: no content, and nothing of Next.js's
	Hub                   // the Worker handed on what Next.js answered
)

// IsRedirect reports whether the Worker answered with the status of a redirect.
func (r *Result) IsRedirect() bool { return r.Err == nil && r.Status == r.Target.status }

// Redirected reports whether the tap led to a page, or at least to no fallback, which is what makes it no error.
func (r *Result) Redirected() bool { return r.IsRedirect() && (r.Led == Page || r.Led == Elsewhere) }

// Expected is k6's http_req_failed turned round.
func (r *Result) Expected() bool { return r.Err == nil && vuhttp.Expected(r.Status) }

// Kind says how a tap failed, low in cardinality: by its error_code, by where its redirect led or did not, or by its status.
func (r *Result) Kind() string {
	status := fmt.Sprint("status ", r.Status)
	switch {
	case r.Err != nil:
		return fmt.Sprint("error_code ", r.Code)
	case r.Status/100 != 3:
		return status
	case r.Differs:
		return "different Locations"
	case r.IsRedirect() && r.Led == Fallback:
		return "fallback"
	case r.Led == Fallback:
		return status + " to a fallback"
	case r.Led == Page:
		return status + " to the page"
	case r.IsRedirect() && r.Location == "":
		return "no Location"
	case r.IsRedirect():
		return "Location without a host"
	}
	return status
}

// Duration is k6's http_req_duration.
func (r *Result) Duration() time.Duration { return r.Sending + r.Waiting + r.Receiving }

// Connect is how long it took to connect, with TLS, when the tap was sent on a new connection.
func (r *Result) Connect() time.Duration { return r.Connecting + r.Handshaking }

// Latency is what a person with the phone waited: from when a tap of taps(n) should have started, else the request's
// duration. A tap that failed took as long as that took.
func (r *Result) Latency() time.Duration {
	switch {
	case !r.Due.IsZero():
		return r.Ended.Sub(r.Due)
	case r.Err != nil:
		return r.Ended.Sub(r.Began)
	}
	return r.Duration()
}

// Request is what was tried, as messages show it.
func (r *Result) Request() string { return "GET " + r.Target.shown }

// Note has it remembered who answered, and an error say whether its target had before.
func (r *Result) Note(answered *answer.Answered) {
	if r.Status != 0 {
		_ = answered.Note(r.Target.address, nil)
		return
	}
	r.Err = answered.Note(r.Target.address, r.Err)
}

// Failure says what came back in place of a redirect.
func (r *Result) Failure() *answer.Error {
	setting := r.Target.Setting
	request := r.Request()
	if r.Err != nil {
		wrong := answer.Failed(request, setting, r.Err)
		if errors.Is(r.Err, tapwire.ErrHeadTooLarge) {
			wrong.Advice = "The answer's header is larger than the 64 KiB that a tap reads: make it smaller, as many proxies take less"
		}
		return wrong
	}
	header := http.Header{"Location": {r.Location}, "Retry-After": {r.wait}}
	if r.Differs {
		header.Add("Location", "another") // which is not kept
	}
	wrong := (&answer.Answer{Request: request, Setting: setting, Status: r.Status, Header: header}).Unexpected("")
	switch redirect := r.Status/100 == 3; {
	case r.Differs:
	case redirect && r.Led == Fallback:
		wrong.Advice = Failed
	case redirect && r.Led == Page:
		wrong.Advice = fmt.Sprintf("It leads to the page, but with another status than %d: is the option status right?", r.Target.status)
	case r.IsRedirect():
		wrong.Advice = "A band leads to a whole URL: is " + setting + " the Worker's origin?"
	}
	return wrong
}

// Failed is the advice on a redirect to a fallback.
const Failed = "That is a fallback (FALLBACK_HOST): the Worker failed, or could not reach the Hub. Their logs say why"
