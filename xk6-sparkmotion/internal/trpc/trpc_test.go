package trpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer/answertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers all it is asked alike, and keeps the last request.
type server struct {
	status int
	body   string
	asked  *http.Request
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = r
	w.Header().Set("Content-Type", "application/json")
	if s.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "7")
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

// client gives a client of s, whose URL and cookie say hush where they are secret, and the server's address.
func (s *server) client(t *testing.T) (Client, string) {
	t.Helper()
	host := answertest.Serve(t, s)
	return Client{Doer: answertest.Client(t), URL: "http://user:hush@" + host + "/", Cookie: "session=hush"}, host
}

// A tRPC error as v11 sends it, and as its superjson transformer wraps it.
const (
	unauthorized = `{"error":{"message":"UNAUTHORIZED","code":-32001,"data":{"code":"UNAUTHORIZED","httpStatus":401,"path":"a.b"}}}`
	wrapped      = `{"error":{"json":{"message":"no such event","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404}}}}`
	again        = ". The session is missing or has expired: log in again"
)

// zod is the answer to an input that is refused with message.
func zod(message string) string {
	quoted, _ := json.Marshal(message)
	return `{"error":{"message":` + string(quoted) + `,"code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400}}}`
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		data   string
		err    string // with HOST for the server's address
	}{
		{"data", 200, `{"result":{"data":{"n":9007199254740993}}}`, `{"n":9007199254740993}`, ""},
		{"data of superjson", 200, `{"result":{"data":{"json":{"at":"2026-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}}}`,
			`{"json":{"at":"2026-01-01T00:00:00.000Z"},"meta":{"values":{"at":["Date"]}}}`, ""},
		{"null", 200, `{"result":{"data":null}}`, "null", ""},
		{"undefined", 200, `{"result":{}}`, "", ""},
		{"an error", 401, unauthorized, "", "HOST: answered UNAUTHORIZED (401): UNAUTHORIZED" + again},
		{"an error of superjson", 404, wrapped, "", "HOST: answered NOT_FOUND (404): no such event"},
		{"an error without its status", 500, `{"error":{"message":"boom","data":{"code":"INTERNAL_SERVER_ERROR"}}}`, "",
			"HOST: answered INTERNAL_SERVER_ERROR (500): boom. The server failed: its log says why"},
		{"Zod's issues", 400, zod(`[{"code":"invalid_format","pattern":"/^long$/","path":["range","from"],"message":"Invalid ISO datetime"},` +
			`{"code":"too_big","path":["ids",0],"message":"Too big"},{"path":[],"message":"Bad"}]`), "",
			"HOST: answered BAD_REQUEST (400): range.from: Invalid ISO datetime; ids.0: Too big; Bad"},
		{"a list that is not Zod's", 400, zod(`[1,2]`), "", "HOST: answered BAD_REQUEST (400): [1,2]"},
		{"a long message", 400, zod(strings.Repeat("a b\n", 200)), "", "HOST: answered BAD_REQUEST (400): " + strings.Repeat("a b ", 75) + "…"},
		{"neither", 200, `{"ok":true}`, "", "HOST: answered JSON with neither result nor error. Is this a tRPC server, and ADMIN_URL its origin?"},
		{"a page", 200, "<html>hush", "", "HOST: answered 200 with an HTML page instead of JSON (10 bytes). Is ADMIN_URL the right application's origin?"},
		{"a page for a missing session", 401, "<html>", "", "HOST: answered 401 Unauthorized" + again},
		{"a text for an error", 403, `{"error":"Forbidden"}`, "", "HOST: answered 403 Forbidden" + again + ". Or does a gateway forbid it?"},
		{"no such path", 404, "<html>", "", "HOST: answered 404 Not Found. Check ADMIN_URL: nothing is there"},
		{"a failure", 502, "", "", "HOST: answered 502 Bad Gateway. The server failed: its log says why"},
		{"a failure with a result", 500, `{"result":{"data":1}}`, "", "HOST: answered 500 Internal Server Error. The server failed: its log says why"},
		{"a limit", 429, "slow down", "", "HOST: answered 429 Too Many Requests (Retry-After: 7). The server limits the rate: wait, or raise its limit for this test"},
		{"cut", 200, `{"result":{"data":[1,2`, "", "HOST: answered 200 with truncated or invalid JSON (22 bytes). See the log of the server, or of a proxy in between"},
		{"an array", 200, `[{"result":{"data":1}}]`, "", "HOST: answered 200 with JSON of an unexpected shape (23 bytes). Is ADMIN_URL the right application's origin?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &server{status: c.status, body: c.body}
			client, host := s.client(t)
			result, err := client.Query(t.Context(), Call{"a.b", `{"secret":"hush"}`})
			if string(result.Data) != c.data {
				t.Errorf("got the data %s", result.Data)
			}
			want := strings.Replace(c.err, "HOST", "GET http://"+host+"/api/trpc/a.b", 1)
			if got := text(err); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		send       func(Client) error
	}{
		{"query", "/api/trpc/a.b?input=%7B%22n%22%3A%22a%20b%26c%2Bd%22%7D", func(c Client) error {
			_, err := c.Query(t.Context(), Call{"a.b", `{"n":"a b&c+d"}`})
			return err
		}},
		{"query without input", "/api/trpc/a.b", func(c Client) error {
			_, err := c.Query(t.Context(), Call{Procedure: "a.b"})
			return err
		}},
		{"batch", "/api/trpc/a.b,c,a.b?batch=1&input=%7B%220%22%3A1%2C%222%22%3A%7B%7D%7D", func(c Client) error {
			_, err := c.Batch(t.Context(), []Call{{"a.b", "1"}, {Procedure: "c"}, {"a.b", "{}"}})
			return err
		}},
	} {
		s := &server{status: 200, body: `{"result":{"data":1}}`}
		if c.name == "batch" {
			s.body = "[" + s.body + "," + s.body + "," + s.body + "]"
		}
		client, _ := s.client(t)
		if err := c.send(client); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := s.asked.RequestURI; got != c.want || s.asked.Method != http.MethodGet {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
		if got := s.asked.Header.Get("Cookie"); got != "session=hush" {
			t.Errorf("%s: sent the cookie %q", c.name, got)
		}
	}
}

func TestNoCookie(t *testing.T) {
	t.Parallel()
	s := &server{status: 200, body: `{"result":{}}`}
	client, _ := s.client(t)
	client.Cookie = ""
	if _, err := client.Query(t.Context(), Call{Procedure: "a"}); err != nil || s.asked.Header["Cookie"] != nil {
		t.Errorf("got %v, and the cookie %q", err, s.asked.Header["Cookie"])
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	const one, whole = `{"result":{"data":1}}`, "HOST: answered BAD_REQUEST (400): batching is off"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   []string // each call's data or error
		err    string   // with HOST for the server's address
	}{
		{"all well", 200, "[" + one + `,{"result":{}}]`, []string{"1", ""}, ""},
		{"mixed", 207, "[" + one + "," + wrapped + "]", []string{"1", "HOST: b answered NOT_FOUND (404): no such event"}, ""},
		{"all wrong", 401, "[" + unauthorized + "," + unauthorized + "]",
			[]string{"HOST: a answered UNAUTHORIZED (401): UNAUTHORIZED" + again, "HOST: b answered UNAUTHORIZED (401): UNAUTHORIZED" + again}, ""},
		// tRPC answers one error to a batch that it can't even start: no batching, bad input, a context that throws.
		{"refused as a whole", 400, `{"error":{"message":"batching is off","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400}}}`, nil, whole},
		{"refused as a whole, superjson", 400, `{"error":{"json":{"message":"batching is off","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400}}}}`, nil, whole},
		{"too few", 200, "[" + one + "]", nil, "HOST: answered 1 results to 2 calls. Is there a proxy that answers for tRPC?"},
		{"neither", 200, "[" + one + ",{}]", nil, "HOST: answered JSON with neither result nor error. Is this a tRPC server, and ADMIN_URL its origin?"},
		{"null", 200, "[" + one + ",null]", nil, "HOST: answered JSON with neither result nor error. Is this a tRPC server, and ADMIN_URL its origin?"},
		{"one result", 200, one, nil, "HOST: answered 200 with JSON of an unexpected shape (21 bytes). Is ADMIN_URL the right application's origin?"},
		{"a page", 200, "<html>", nil, "HOST: answered 200 with an HTML page instead of JSON (6 bytes). Is ADMIN_URL the right application's origin?"},
		{"a page for a missing session", 403, "<html>", nil, "HOST: answered 403 Forbidden" + again + ". Or does a gateway forbid it?"},
		{"cut", 200, "[" + one, nil, "HOST: answered 200 with truncated or invalid JSON (22 bytes). See the log of the server, or of a proxy in between"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &server{status: c.status, body: c.body}
			client, host := s.client(t)
			results, err := client.Batch(t.Context(), []Call{{"a", `"hush"`}, {"b", `"hush"`}})
			want := strings.Replace(c.err, "HOST", "GET http://"+host+"/api/trpc/a,b", 1)
			if got := text(err); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if len(results) != len(c.want) {
				t.Fatalf("got %d results", len(results))
			}
			for i, result := range results {
				got := string(result.Data)
				if result.Err != nil {
					got += result.Err.Error()
				}
				if want := strings.Replace(c.want[i], "HOST", "GET http://"+host+"/api/trpc/a,b", 1); got != want {
					t.Errorf("result %d: got  %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	const host = answertest.Nobody
	client := Client{Doer: answertest.Client(t), URL: "http://user:hush@" + host, Cookie: "session=hush"}
	_, err := client.Query(t.Context(), Call{"a.b", `"hush"`})
	want := "GET http://" + host + "/api/trpc/a.b: no answer: dial tcp " + host +
		": connect: connection refused. Is ADMIN_URL right, and can this machine reach it?"
	if text(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A procedure's name comes from the script; an error about the URL it makes must not repeat the URL.
func TestProcedureThatIsNone(t *testing.T) {
	t.Parallel()
	client := Client{URL: "http://user:hush@host"}
	_, err := client.Query(t.Context(), Call{"a\nb", `"hush"`})
	if want := `ADMIN_URL and the procedure "a\nb" do not form a URL`; text(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestErrorIs(t *testing.T) {
	t.Parallel()
	s := &server{status: 404, body: wrapped}
	client, host := s.client(t)
	_, err := client.Query(t.Context(), Call{Procedure: "a.b"})
	var got *Error
	if !errors.As(err, &got) || *got != (Error{"GET http://" + host + "/api/trpc/a.b", "a.b", "NOT_FOUND", 404, "no such event", Superjson}) {
		t.Errorf("got %+v", err)
	}
}

// The wanted texts are what encodeURIComponent gives in a browser.
func TestEncodeURIComponent(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                "",
		"plain":           "plain",
		"AZaz09-_.!~*'()": "AZaz09-_.!~*'()",
		`{"a":[1,"b c"]}`: "%7B%22a%22%3A%5B1%2C%22b%20c%22%5D%7D",
		"#$%&+,/:;=?@":    "%23%24%25%26%2B%2C%2F%3A%3B%3D%3F%40",
		"%20%21+":         "%2520%2521%2B", // what looks encoded is encoded again
		"\"<>\\^`{|}[]":   "%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D",
		"\x00\t\r\n\x7f":  "%00%09%0D%0A%7F",
		"ä€😀":             "%C3%A4%E2%82%AC%F0%9F%98%80",
	} {
		if got := EncodeURIComponent(given); got != want {
			t.Errorf("EncodeURIComponent(%q) = %q, want %q", given, got, want)
		}
	}
}

func FuzzEncodeURIComponent(f *testing.F) {
	f.Add(`{"a":"b c!'()*~"}`)
	f.Add("%21+\xff")
	f.Fuzz(func(t *testing.T, s string) {
		encoded := EncodeURIComponent(s)
		if decoded, err := url.PathUnescape(encoded); err != nil || decoded != s {
			t.Errorf("%q became %q, which is %q, %v", s, encoded, decoded, err)
		}
		if strings.Trim(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()%") != "" {
			t.Errorf("%q became %q", s, encoded)
		}
	})
}

// canned answers without a network.
type canned struct {
	status int
	body   string
}

func (c canned) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

// FuzzReply holds that any answer is either an error of one line without our secrets, or data that is JSON.
func FuzzReply(f *testing.F) {
	f.Add(200, `{"result":{"data":{"json":1}}}`)
	f.Add(207, `[{"result":{"data":1}},`+wrapped+`]`)
	f.Add(401, unauthorized)
	f.Add(200, `{"error":null,"result":null}`)
	f.Add(200, `{"error":{"json":null}}`)
	f.Add(500, `[[]]`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := Client{Doer: canned{status, body}, URL: "http://u:PA55@host", Cookie: "s=PA55"}
		check := func(data json.RawMessage, err error) {
			if err == nil && len(data) > 0 && !json.Valid(data) {
				t.Errorf("%d %q: %q", status, body, data)
			}
			if err != nil && (data != nil || !strings.Contains(err.Error(), "T http://host/") || strings.Contains(err.Error(), "\n") ||
				len(err.Error()) > 1000) {
				t.Errorf("%d %q: %q, %v", status, body, data, err)
			}
			if err != nil && strings.Contains(err.Error(), "PA55") && !strings.Contains(body, "PA55") {
				t.Errorf("a secret in %v", err)
			}
		}
		for _, send := range []func(Client, context.Context, Call) (Result, error){Client.Query, Client.Mutate} {
			result, err := send(c, t.Context(), Call{Procedure: "a"})
			check(result.Data, err)
		}
		results, err := c.Batch(t.Context(), []Call{{Procedure: "a"}, {Procedure: "b"}})
		if (err == nil) && len(results) != 2 {
			t.Errorf("%d %q: %d results, %v", status, body, len(results), err)
		}
		for _, result := range results {
			if result.Err == nil {
				check(result.Data, nil)
			} else {
				check(result.Data, result.Err)
			}
		}
	})
}
