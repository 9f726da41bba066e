package test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// rest is an Upstash that answers status and body, and keeps what it was sent.
type rest struct {
	status     int
	body       string
	path, sent string
	requests   int
}

func (u *rest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	u.path, u.sent = r.URL.Path, string(sent)
	u.requests++
	if r.Header.Get("Authorization") != "Bearer hush" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(u.status)
	_, _ = io.WriteString(w, u.body)
}

// start gives a VU that is configured for u, and u's URL as it is shown.
func (u *rest) start(t *testing.T) (*vutest.Script, string) {
	t.Helper()
	link, shown := vutest.Serve(t, u.ServeHTTP)
	return newProcess(t, map[string]string{"UPSTASH_REDIS_REST_URL": link, "UPSTASH_REDIS_REST_TOKEN": "hush"}).Start(1), shown
}

func TestUpstash(t *testing.T) {
	t.Parallel()
	const caught = "(() => { try { return %s } catch (e) { return [e, e.command, e.status] } })()"
	for _, c := range []struct {
		name, call string
		status     int
		body       string
		want       string // shown, with SHOWN for the URL
		path, sent string
	}{
		{"a number", "command(['LLEN', 'k'])", 200, `{"result":5}`, "5", "/", `["LLEN","k"]`},
		{"a text", "command(['GET', 'k'])", 200, `{"result":"5"}`, `"5"`, "/", `["GET","k"]`},
		{"nothing", "command(['GET', 'k'])", 200, `{"result":null}`, "null", "/", `["GET","k"]`},
		{"the largest exact number", "command(['INCR', 'k'])", 200, `{"result":9007199254740991}`, "9007199254740991", "/", `["INCR","k"]`},
		{"an integer that a number would round", "command(['INCR', 'k'])", 200, `{"result":9007199254740993}`, "9007199254740993n", "/", `["INCR","k"]`},
		{"an integer beyond 64 bits", "command(['X'])", 200, `{"result":-18446744073709551617}`, "-18446744073709551617n", "/", `["X"]`},
		{"a nested list", "command(['X'])", 200, `{"result":["a",[1.5,null,[9007199254740993]]]}`, `["a",[1.5,null,[9007199254740993n]]]`, "/", `["X"]`},
		{"arguments of all kinds", "command(['SET', 'k', 5, 1.5, true, 18446744073709551617n])", 200, `{"result":"OK"}`, `"OK"`, "/", `["SET","k",5,1.5,true,18446744073709551617]`},
		{"an error of Redis", "command(['GET', 'k', 'hush'])", 400, `{"error":"ERR wrong number"}`, `[Error(Upstash.command: POST SHOWN/: GET answered ERR wrong number),"GET",undefined]`, "/", `["GET","k","hush"]`},
		{"a limit", "command(['PING'])", 429, "", `[Error(Upstash.command: POST SHOWN/: answered 429 Too Many Requests. The server limits the rate: wait, or raise its limit for this test),undefined,429]`, "/", `["PING"]`},
		{"a pipeline", "pipeline([['INCR', 'k'], ['LPUSH', 'k', 'hush'], ['GET', 'n']])", 200, `[{"result":1},{"error":"WRONGTYPE no list"},{"result":null}]`,
			"[1,Error(POST SHOWN/pipeline: LPUSH answered WRONGTYPE no list),null]", "/pipeline", `[["INCR","k"],["LPUSH","k","hush"],["GET","n"]]`},
		{"no commands", "pipeline([])", 200, `[]`, "[]", "/pipeline", `[]`},
		{"a transaction", "transaction([['INCR', 'k']])", 200, `[{"result":9007199254740993}]`, "[9007199254740993n]", "/multi-exec", `[["INCR","k"]]`},
		{"a refused transaction", "transaction([['NO', 'hush']])", 400, `{"error":"ERR unknown command"}`,
			"[Error(Upstash.transaction: POST SHOWN/multi-exec: answered 400: ERR unknown command),undefined,400]", "/multi-exec", `[["NO","hush"]]`},
		{"a page", "pipeline([['PING']])", 200, "<html>", "[Error(Upstash.pipeline: POST SHOWN/pipeline: answered 200 with an HTML page instead of JSON (6 bytes). " +
			"Is UPSTASH_REDIS_REST_URL the right application's origin?),undefined,200]", "/pipeline", `[["PING"]]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &rest{status: c.status, body: c.body}
			s, shown := u.start(t)
			got := s.Show(strings.Replace(caught, "%s", "new sm.Upstash()."+c.call, 1))
			vutest.Equal(t, "result", got, strings.Replace(c.want, "SHOWN", shown, 1))
			vutest.Equal(t, "sent", u.path+" "+u.sent, c.path+" "+c.sent)
			own, requests := s.Drain()
			vutest.EqualLines(t, "emitted", own, "upstash_latency{} time")
			vutest.Equal(t, "requests", len(requests), 1)
			vutest.Equal(t, "requests' name", strings.Fields(requests[0])[1], shown)
		})
	}
}

func TestUpstashWithAWrongToken(t *testing.T) {
	t.Parallel()
	s, shown := (&rest{}).start(t)
	got := s.Fails("new sm.Upstash({token: 'hushed'}).command(['PING'])")
	vutest.Equal(t, "error", got, "Upstash.command: POST "+shown+"/: answered 401 Unauthorized. Check UPSTASH_REDIS_REST_TOKEN")
	vutest.EqualLines(t, "emitted", s.Emitted(), "upstash_latency{} time")
}

func TestUpstashMistakes(t *testing.T) {
	t.Parallel()
	u := &rest{}
	s, _ := u.start(t)
	for js, want := range map[string]string{
		"new sm.Upstash({db: 1})":                     `Upstash: unknown option "db"; it takes timeout, token, url`,
		"new sm.Upstash().command(['SET', 'k', NaN])": "Upstash.command: a command's arguments must be strings, numbers or booleans: json: unsupported value: NaN",
		"new sm.Upstash().pipeline(['PING'])":         "Upstash.pipeline: the argument must be an array of commands: [['LLEN', 'key']]",
		"new sm.Upstash().transaction()":              "Upstash.transaction: the argument must be an array of commands: [['LLEN', 'key']]",
		"new sm.Upstash().command('PING')":            "Upstash.command: the argument must be a command: ['LLEN', 'key']",
	} {
		if got := s.Fails(js); !strings.HasPrefix(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", js, got, want)
		}
	}
	vutest.Equal(t, "requests", u.requests, 0)
	vutest.EqualLines(t, "emitted", s.Emitted()) // no request, no latency
}

// What JSON would make something else of is no argument, and is not sent; what it is, is not told.
func TestUpstashArguments(t *testing.T) {
	t.Parallel()
	s, _ := (&rest{status: 200, body: `{"result":1}`}).start(t)
	const wanted = "must be a string, a number or a boolean, and is "
	for js, want := range map[string]string{
		"command(['SET', 'hush', new Date()])":                  "Upstash.command: argument 2 of SET " + wanted + "a Date: send its toISOString() or getTime()",
		"pipeline([['GET', 'k'], ['SET', 'hush', new Date()]])": "Upstash.pipeline: argument 2 of SET " + wanted + "a Date: send its toISOString() or getTime()",
		"command(['SET', 'hush', new Uint8Array(3)])":           "Upstash.command: argument 2 of SET " + wanted + "neither: send bytes as text",
		"command(['SET', 'hush', new Uint8Array(3).buffer])":    "Upstash.command: argument 2 of SET " + wanted + "neither: send bytes as text",
		"transaction([['SET', 'hush', null]])":                  "Upstash.transaction: argument 2 of SET " + wanted + "null or undefined",
		"command(['SET', ['hush']])":                            "Upstash.command: argument 1 of SET " + wanted + "an array",
		"command(['SET', 'k', {hush: 1}])":                      "Upstash.command: argument 2 of SET " + wanted + "an object",
	} {
		vutest.Equal(t, js, s.Fails("new sm.Upstash()."+js), want)
	}
	vutest.EqualLines(t, "emitted", s.Emitted())
}
