package test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// Of what fails over and over, in whichever VU, one of each kind is logged, by procedure and code; the next request has its turn.
func TestAttempt(t *testing.T) {
	t.Parallel()
	asked := atomic.Int64{}
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, ".kpis"):
			vutest.Respond(400, trpcError("BAD_REQUEST", 400, fmt.Sprintf("from %d", asked.Load())))(w, r) // no text twice
		case strings.HasSuffix(r.URL.Path, ".fine"):
			vutest.Respond(200, `{"result":{"data":7}}`)(w, r)
		default:
			vutest.Respond(503, "")(w, r)
		}
	})
	p := newProcess(t, preflightEnv(link))
	const each = `
		for (let i = 0; i < 3; i++) {
			for (const name of ['analytics.kpis', 'analytics.velocityHistory']) sm.attempt(() => sm.query(null, name));
			sm.attempt(() => sm.flushTaps());
			sm.attempt(() => sm.queueDepth());
			sm.attempt(() => new sm.Upstash().command(['PING']));
			sm.tap();
		}
		sm.attempt(() => sm.query(null, 'a.fine'))`
	for vu := range uint64(4) {
		vutest.Equal(t, "what is attempted", p.Start(vu+1).Run(each).String(), "7")
	}
	vutest.Equal(t, "requests, and one that learns the transformer", asked.Load(), 4*(3*6+1)+1)
	var kinds []string
	for _, entry := range p.Log.AllEntries() {
		mustNotTell(t, entry.Message)
		_, kind, _ := strings.Cut(entry.Message, "(further ")
		kind, _, _ = strings.Cut(kind, " failures are counted, not logged)")
		kinds = append(kinds, kind)
	}
	vutest.EqualLines(t, "logged", kinds, `"analytics.kpis: BAD_REQUEST"`, `"analytics.velocityHistory: status 503"`, `"flush-taps: status 503"`,
		`"queue sample: status 503"`, `"Upstash: status 503"`, `"tap: status 503"`)
}

// What no request failed with is thrown, as it was.
func TestAttemptThrows(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Start(1)
	for js, want := range map[string]string{
		"sm.attempt()":                         "attempt: the argument must be a function that makes a request: () => query(…)",
		"sm.attempt(sm.tap)":                   "tap needs WORKER_URL: ",
		"sm.attempt(() => nothing())":          "nothing is not defined",
		"sm.attempt(() => { throw 'a text' })": "a text",
		"sm.attempt(() => { throw Error() })":  "",
	} {
		got := s.Run("(() => { try { return 'returned ' + " + js + " } catch (e) { return String(e instanceof Error ? e.message : e) } })()").String()
		if !strings.HasPrefix(got, want) || strings.HasPrefix(got, "returned") {
			t.Errorf("%s: got %q, want %q", js, got, want)
		}
	}
	vutest.Equal(t, "lines in the log", len(s.Log.AllEntries()), 0)
}

// The end of the run is no failure of a request.
func TestAttemptAtTheEndOfTheRun(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, vutest.Respond(503, ""))
	p := newProcess(t, preflightEnv(link))
	s := p.Start(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.VU.Ctx = ctx
	if got := s.Fails("sm.attempt(() => sm.flushTaps())"); !strings.Contains(got, "canceled") {
		t.Errorf("got %q", got)
	}
	vutest.Equal(t, "lines in the log", len(p.Log.AllEntries()), 0)
}

// Where good answers came from, a connection that is cut does not ask whether its URL is right.
func TestAfterGoodAnswers(t *testing.T) {
	t.Parallel()
	for lane, js := range lanes {
		cut := atomic.Bool{}
		link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			if cut.Load() {
				panic(http.ErrAbortHandler)
			}
			(&worker{status: 302, location: page}).ServeHTTP(w, r)
		})
		p := newProcess(t, map[string]string{"WORKER_URL": link})
		s, js := p.Start(1), strings.Replace(js, "OPTIONS", "undefined", 1)
		vutest.Equal(t, lane, s.Run(js).ToBoolean(), true)
		cut.Store(true)
		vutest.Equal(t, lane, p.Start(2).Run(js).ToBoolean(), false)
		if said := p.Log.LastEntry().Message; !strings.Contains(said, "It answered earlier in this run, so WORKER_URL is right") {
			t.Errorf("%s: %s", lane, said)
		}
	}
}
