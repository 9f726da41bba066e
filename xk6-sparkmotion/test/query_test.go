package test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

const (
	notFound  = `{"error":{"message":"no such event","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404}}}`
	inSession = "{cookie: 's=hush'}"
)

// trpcServer answers status and body, and keeps the last request's URI and cookie.
func trpcServer(status int, body string) (handler http.HandlerFunc, asked func() (uri, cookie string)) {
	var uri, cookie string
	return func(w http.ResponseWriter, r *http.Request) {
		uri, cookie = r.RequestURI, r.Header.Get("Cookie")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}, func() (string, string) { return uri, cookie }
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		status  int
		body    string
		js      string
		want    string // shown
		uri     string
		emitted []string
	}{
		{"data", 200, `{"result":{"data":{"taps":5,"rows":[1]}}}`, "sm.query(" + inSession + ", 'analytics.kpis', {from: new Date(0), n: undefined})",
			"{taps:5,rows:[1]}", "/api/trpc/analytics.kpis?input=%7B%22from%22%3A%221970-01-01T00%3A00%3A00.000Z%22%7D",
			[]string{"analytics_latency{procedure:analytics.kpis} time", "error_rate{part:admin} 0"}},
		{"an export of nothing", 200, `{"result":{"data":null}}`, "sm.query(" + inSession + ", 'analytics.exportTaps', null)",
			"null", "/api/trpc/analytics.exportTaps?input=null",
			[]string{"error_rate{part:admin} 0"}},
		{"an export without its data", 200, `{"result":{"data":[1]}}`, "sm.query(" + inSession + ", 'exportTaps', {}, {responseType: 'none'})",
			"null", "/api/trpc/exportTaps?input=%7B%7D",
			[]string{"csv_export_latency{procedure:exportTaps} time", "error_rate{part:admin} 0"}},
		{"no input, no data", 200, `{"result":{}}`, "sm.query(" + inSession + ", 'exports.count')",
			"undefined", "/api/trpc/exports.count",
			[]string{"analytics_latency{procedure:exports.count} time", "error_rate{part:admin} 0"}},
		{"superjson", 200, `{"result":{"data":{"json":{"at":"1970-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}}}`,
			"sm.query(" + inSession + ", 'a', {at: new Date(0)}, {transformer: 'superjson'})", "{at:Date(1970-01-01T00:00:00.000Z)}",
			"/api/trpc/a?input=%7B%22json%22%3A%7B%22at%22%3A%221970-01-01T00%3A00%3A00.000Z%22%7D%2C%22meta%22%3A%7B%22values%22%3A%7B%22at%22%3A%5B%22Date%22%5D%7D%2C%22v%22%3A1%7D%7D",
			[]string{"analytics_latency{procedure:a} time", "error_rate{part:admin} 0"}},
		{"an error", 404, notFound, "(() => { try { sm.query(" + inSession + ", 'a') } catch (e) { return [e, e.code, e.status, e.procedure] } })()",
			`[Error(query: GET SHOWN/api/trpc/a: answered NOT_FOUND (404): no such event),"NOT_FOUND",404,"a"]`, "/api/trpc/a",
			[]string{"error_rate{part:admin} 1"}},
		{"no tRPC", 200, "<html>", "(() => { try { sm.query(" + inSession + ", 'a') } catch (e) { return [e, e.status] } })()",
			`[Error(query: GET SHOWN/api/trpc/a: answered 200 with an HTML page instead of JSON (6 bytes). Is ADMIN_URL the right application's origin?),200]`,
			"/api/trpc/a", []string{"error_rate{part:admin} 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler, asked := trpcServer(c.status, c.body)
			link, shown := vutest.Serve(t, handler)
			s := newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"}).Start(1)
			vutest.Equal(t, "result", s.Show(c.js), strings.Replace(c.want, "SHOWN", shown, 1))
			uri, cookie := asked()
			vutest.Equal(t, "asked", uri, c.uri)
			vutest.Equal(t, "cookie", cookie, "s=hush")
			own, requests := s.Drain()
			vutest.EqualLines(t, "emitted", own, c.emitted...)
			vutest.Equal(t, "requests", len(requests), 1)
			procedure, _, _ := strings.Cut(strings.TrimPrefix(c.uri, "/api/trpc/"), "?")
			if !strings.HasPrefix(requests[0], "GET "+shown+"/api/trpc/"+procedure+" ") { // without the input
				t.Errorf("the request's name is of high cardinality: %s", requests[0])
			}
		})
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		status  int
		body    string
		want    string
		emitted []string
	}{
		{"mixed", 207, `[{"result":{"data":1}},` + notFound + `]`, "[1,Error(GET SHOWN/api/trpc/a,b: b answered NOT_FOUND (404): no such event)]",
			[]string{"error_rate{part:admin} 0", "error_rate{part:admin} 1"}},
		{"failed", 500, "<html>", "Error(batch: GET SHOWN/api/trpc/a,b: answered 500 Internal Server Error. The server failed: its log says why)",
			[]string{"error_rate{part:admin} 1"}},
		{"refused as a whole", 404, notFound, "Error(batch: GET SHOWN/api/trpc/a,b: answered NOT_FOUND (404): no such event)",
			[]string{"error_rate{part:admin} 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler, asked := trpcServer(c.status, c.body)
			link, shown := vutest.Serve(t, handler)
			s := newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"}).Start(1)
			got := s.Show("(() => { try { return sm.batch(null, [['a', 1], ['b']]) } catch (e) { return e } })()")
			vutest.Equal(t, "result", got, strings.Replace(c.want, "SHOWN", shown, 1))
			uri, cookie := asked()
			vutest.Equal(t, "asked", uri+cookie, "/api/trpc/a,b?batch=1&input=%7B%220%22%3A1%7D")
			vutest.EqualLines(t, "emitted", s.Emitted(), c.emitted...)
		})
	}
}

func TestQueryMistakes(t *testing.T) {
	t.Parallel()
	asked := false
	link, _ := vutest.Serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"}).Start(1)
	for js, want := range map[string]string{
		"sm.query({}, 'a')": "query: the session must be what login() returned: it has no cookie",
		"sm.query(null, 'a', {}, {transformer: 'devalue'})": `query: the option transformer (TRPC_TRANSFORMER) must be superjson or none, or left out, got "devalue"`,
		"sm.query(null, 'a', {}, {responseType: 'text'})":   `query: responseType must be json or none, got "text"`,
		"sm.query(null, 'a', () => 1)":                      "query: a: the input is a function or a symbol, which JSON can't carry",
		"sm.query(null, 'a', 5n)":                           "query: a: TypeError: Do not know how to serialize a BigInt",
		"sm.query(null, 'a b\\n', 'hush')":                  `query: ADMIN_URL and the procedure "a b\n" do not form a URL`,
		"sm.batch(null, [])":                                "batch: the second argument must be an array of queries: [[procedure, input]]",
		"sm.batch(null, 'hush')":                            "batch: the second argument must be an array of queries: [[procedure, input]]",
		"sm.batch(null, [[]])":                              "batch: entry 0 must be [procedure] or [procedure, input]",
		"sm.batch(null, [['a'], ['b', 1, 2]])":              "batch: entry 1 must be [procedure] or [procedure, input]",
		"sm.batch(null, [['a', 5n]])":                       "batch: a: TypeError: Do not know how to serialize a BigInt",
	} {
		if got := s.Fails(js); !strings.HasPrefix(got, want) || strings.Contains(got, "hush") {
			t.Errorf("%s:\ngot  %s\nwant %s", js, got, want)
		}
	}
	if asked {
		t.Error("a request was sent")
	}
	// What was never sent took no time, and is no failure of the system.
	vutest.EqualLines(t, "emitted", s.Emitted())
}
