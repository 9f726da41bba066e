package lane

import (
	"net/http"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// Request is a tap to be made.
type Request struct {
	Band    []byte // percent-encoded; read before the call that it is given to returns
	Query   string // what follows the band, such as &utm_source=nfc
	Page    string // the host that a KV hit leads to
	Due     time.Time
	Timeout time.Duration
	Plateau Plateau
}

// Plateau is a tap's place in the schedule.
type Plateau struct {
	Name  string    // the tag; empty outside of a schedule
	Began time.Time // when its scenario did
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

	Peer   Peer
	Proto  string
	Status int    // 0 without an answer
	Host   string // that its Location leads to; empty for one that is no URL with a host
	Page   bool   // that host is the page's

	location string // as the Worker sent it, for messages

	Err  error  // why no whole answer came
	Code int    // k6's error_code for Err
	Text string // k6's error for Err, low in cardinality
}

// Peer is what k6's tags tell of a connection's other end.
type Peer struct {
	IP, TLSVersion, OCSP string
}

// IsRedirect reports whether the Worker answered 302.
func (r *Result) IsRedirect() bool { return r.Err == nil && r.Status == http.StatusFound }

// Redirected reports whether the tap led anywhere, which is what makes it no error.
func (r *Result) Redirected() bool { return r.IsRedirect() && r.Host != "" }

// Expected is k6's http_req_failed turned round.
func (r *Result) Expected() bool { return r.Err == nil && vuhttp.Expected(r.Status) }

// Duration is k6's http_req_duration.
func (r *Result) Duration() time.Duration { return r.Sending + r.Waiting + r.Receiving }

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

// Failure says what came back in place of a redirect.
func (r *Result) Failure() *answer.Error {
	const setting = "WORKER_URL"
	request := "GET " + r.Target.shown
	if r.Err != nil {
		return answer.Failed(request, setting, r.Err)
	}
	header := http.Header{"Location": {r.location}}
	wrong := (&answer.Answer{Request: request, Setting: setting, Status: r.Status, Header: header}).Unexpected("")
	if r.Status == http.StatusFound {
		wrong.Advice = "A band leads to a whole URL: is " + setting + " the Worker's origin?"
	}
	return wrong
}
