package upstash

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer/answertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers all it is asked alike, and keeps the last request.
type server struct {
	status int
	body   string
	asked  *http.Request
	sent   string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	s.asked, s.sent = r, string(sent)
	if s.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "7")
	}
	w.WriteHeader(s.status)
	_, _ = io.WriteString(w, s.body)
}

// client gives a client of s, whose URL and token say hush where they are secret, and the server's address.
func (s *server) client(t *testing.T) (Client, string) {
	t.Helper()
	host := answertest.Serve(t, s)
	return Client{Doer: answertest.Client(t), URL: "http://user:hush@" + host + "/", Token: "hush"}, host
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func integer(digits string) *big.Int {
	i, _ := new(big.Int).SetString(digits, 10)
	return i
}

func TestResultsAreTyped(t *testing.T) {
	t.Parallel()
	for result, want := range map[string]any{
		"null":                                  nil,
		`""`:                                    "",
		`"OK"`:                                  "OK",
		`"12"`:                                  "12", // GET of a number is a string
		"0":                                     int64(0),
		"-7":                                    int64(-7),
		"9007199254740993":                      int64(9007199254740993),         // 2^53 + 1
		"9223372036854775807":                   int64(math.MaxInt64),            // Redis's largest
		"18446744073709551617":                  integer("18446744073709551617"), // 2^64 + 1
		"-18446744073709551617":                 integer("-18446744073709551617"),
		"1.5":                                   1.5,
		"1e3":                                   1000.0,
		"1e999":                                 "1e999", // no float64 holds it
		"true":                                  true,
		"[]":                                    []any{},
		`["a",[1,[2.5,null]],9007199254740993]`: []any{"a", []any{int64(1), []any{2.5, nil}}, int64(9007199254740993)},
	} {
		t.Run(result, func(t *testing.T) {
			t.Parallel()
			client, _ := (&server{status: 200, body: `{"result":` + result + `}`}).client(t)
			got, err := client.Do(t.Context(), Command{"GET", "k"})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v (%T), %v; want %#v", got, got, err, want)
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, body string
		send       func(Client) error
	}{
		{"/", `["SET","k","a \"b\"",1,2.5,true]`, func(c Client) error {
			_, err := c.Do(t.Context(), Command{"SET", "k", `a "b"`, 1, 2.5, true})
			return err
		}},
		{"/pipeline", `[["GET","k"]]`, func(c Client) error {
			_, err := c.Pipeline(t.Context(), []Command{{"GET", "k"}})
			return err
		}},
		{"/multi-exec", `[["INCRBY","k",18446744073709551617]]`, func(c Client) error {
			_, err := c.Transaction(t.Context(), []Command{{"INCRBY", "k", integer("18446744073709551617")}})
			return err
		}},
	} {
		s := &server{status: 200, body: `[{"result":1}]`}
		if c.path == "/" {
			s.body = `{"result":1}`
		}
		client, _ := s.client(t)
		if err := c.send(client); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		if s.asked.Method != http.MethodPost || s.asked.RequestURI != c.path || s.sent != c.body {
			t.Errorf("sent %s %s %s, want %s %s", s.asked.Method, s.asked.RequestURI, s.sent, c.path, c.body)
		}
		if got := s.asked.Header.Get("Authorization"); got != "Bearer hush" {
			t.Errorf("%s: sent Authorization %q", c.path, got)
		}
	}
}

// The answers that are wrong in the same way for each kind of request.
var failures = []struct {
	name   string
	status int
	body   string
	err    string // after the request
}{
	{"a bad token", 401, `{"error":"Unauthorized"}`, "answered 401 Unauthorized: Unauthorized. Check UPSTASH_REDIS_REST_TOKEN"},
	{"a read-only token", 403, `{"error":"NOPERM this token is read-only"}`, "answered 403 Forbidden: NOPERM this token is read-only. Check UPSTASH_REDIS_REST_TOKEN. Or does a gateway forbid it?"},
	{"a suspended database", 402, `{"error":"database suspended"}`, "answered 402 Payment Required: database suspended. It asks for payment: see the account's plan and limits"},
	{"a failure at length", 500, `{"error":"` + strings.Repeat("x", 400) + `"}`, "answered 500 Internal Server Error: " + strings.Repeat("x", 300) + "…. The server failed: its log says why"},
	{"a failure without words", 500, `{"error":""}`, "answered 500 Internal Server Error: an error without words. The server failed: its log says why"},
	{"an error of no known form", 500, `{"error":{"hush":1}}`, "answered 500 Internal Server Error. The server failed: its log says why"},
	{"a token that may not", 403, "", "answered 403 Forbidden. Check UPSTASH_REDIS_REST_TOKEN. Or does a gateway forbid it?"},
	{"a limit", 429, `{"error":"ERR max daily request limit exceeded"}`, "answered 429 Too Many Requests (Retry-After: 7): ERR max daily request limit exceeded. The server limits the rate: wait, or raise its limit for this test"},
	{"a failure", 500, `{"error":"no hush"}`, "answered 500 Internal Server Error: no ****. The server failed: its log says why"},
	{"a 400 that is not Redis's", 400, "<html>", "answered 400 Bad Request. Is UPSTASH_REDIS_REST_URL the right application's origin?"},
	{"a page", 200, "<html>hush", "answered 200 with an HTML page instead of JSON (10 bytes). Is UPSTASH_REDIS_REST_URL the right application's origin?"},
	{"empty", 200, "", "answered 200 with an empty body instead of JSON. Is UPSTASH_REDIS_REST_URL the right application's origin?"},
	{"a number", 200, "5", "answered 200 with JSON of an unexpected shape (1 bytes). Is UPSTASH_REDIS_REST_URL the right application's origin?"},
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range append(failures, []struct {
		name   string
		status int
		body   string
		err    string
	}{
		{"cut", 200, `{"result":"hu`, "answered 200 with truncated or invalid JSON (13 bytes). See the log of the server, or of a proxy in between"},
		{"neither", 200, `{"ok":1}`, "answered JSON with neither result nor error. Is this Upstash's REST API?"},
		{"null", 200, `null`, "answered JSON with neither result nor error. Is this Upstash's REST API?"},
		{"several", 200, `[{"result":1}]`, "answered 200 with JSON of an unexpected shape (14 bytes). Is UPSTASH_REDIS_REST_URL the right application's origin?"},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client, host := (&server{status: c.status, body: c.body}).client(t)
			got, err := client.Do(t.Context(), Command{"SET", "k", "hush"})
			if want := "POST http://" + host + "/: " + c.err; text(err) != want || got != nil {
				t.Errorf("got  %v, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestCommandThatRedisRefuses(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 400} { // Upstash answers 400; a REST proxy of one's own may answer 200
		client, host := (&server{status: status, body: `{"error":"ERR wrong number of arguments for 'get' command"}`}).client(t)
		_, err := client.Do(t.Context(), Command{"get"})
		var refused *Error
		if !errors.As(err, &refused) || *refused != (Error{"POST http://" + host + "/", "GET", "ERR wrong number of arguments for 'get' command"}) ||
			err.Error() != "POST http://"+host+"/: GET answered ERR wrong number of arguments for 'get' command" {
			t.Errorf("%d: got %v", status, err)
		}
	}
	client, host := (&server{status: 400, body: `{"error":"ERR empty command"}`}).client(t)
	if _, err := client.Do(t.Context(), nil); text(err) != "POST http://"+host+"/: (no command) answered ERR empty command" {
		t.Errorf("got %v", err)
	}
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(Client, []Command) ([]Result, error){
		"/pipeline":   func(c Client, all []Command) ([]Result, error) { return c.Pipeline(t.Context(), all) },
		"/multi-exec": func(c Client, all []Command) ([]Result, error) { return c.Transaction(t.Context(), all) },
	}
	for path, run := range kinds {
		t.Run(path+" results", func(t *testing.T) {
			t.Parallel()
			client, host := (&server{status: 200, body: `[{"result":1},{"error":"WRONGTYPE not a list"},{"result":null}]`}).client(t)
			got, err := run(client, []Command{{"INCR", "k"}, {"lpush", "k", "hush"}, {"GET", "none"}})
			want := []Result{{Value: int64(1)}, {Err: &Error{"POST http://" + host + path, "LPUSH", "WRONGTYPE not a list"}}, {}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
		for _, c := range append(failures, []struct {
			name   string
			status int
			body   string
			err    string
		}{
			{"refused as a whole", 400, `{"error":"ERR EXECABORT transaction discarded"}`, "answered 400: ERR EXECABORT transaction discarded"},
			{"too few", 200, `[{"result":1}]`, "answered 1 results to 2 commands. Is a proxy in between?"},
			{"an error for all", 200, `{"error":"ERR max daily request limit exceeded"}`, "answered 200: ERR max daily request limit exceeded"},
			{"too many", 200, `[{"result":1},{"result":1},{"result":1}]`, "answered 3 results to 2 commands. Is a proxy in between?"},
			{"neither", 200, `[{"result":1},{}]`, "answered JSON with neither result nor error. Is this Upstash's REST API?"},
			{"cut", 200, `[{"result":1},{"res`, "answered 200 with truncated or invalid JSON (19 bytes). See the log of the server, or of a proxy in between"},
		}...) {
			t.Run(path+" "+c.name, func(t *testing.T) {
				t.Parallel()
				client, host := (&server{status: c.status, body: c.body}).client(t)
				got, err := run(client, []Command{{"SET", "k", "hush"}, {"GET", "k"}})
				if want := "POST http://" + host + path + ": " + c.err; text(err) != want || got != nil {
					t.Errorf("got  %v, %v\nwant %s", got, err, want)
				}
				var wrong *answer.Error
				if !errors.As(err, &wrong) || wrong.Status != c.status {
					t.Errorf("not an answer's error with its status: %#v", err)
				}
			})
		}
	}
}

func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	const host = answertest.Nobody
	for _, c := range []struct {
		url     string
		command Command
		want    string
	}{
		{"http://user:hush@" + host, Command{"PING"}, "POST http://" + host + "/: no answer: dial tcp " + host +
			": connect: connection refused. Is UPSTASH_REDIS_REST_URL right, and can this machine reach it?"},
		{"http://user:hush@host:port", Command{"PING"}, "UPSTASH_REDIS_REST_URL is not a URL"},
		{"http://host", Command{"SET", "k", math.NaN()},
			"a command's arguments must be strings, numbers or booleans: json: unsupported value: NaN"},
	} {
		_, err := Client{Doer: answertest.Client(t), URL: c.url, Token: "hush"}.Do(t.Context(), c.command)
		if text(err) != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// canned answers without a network.
type canned struct {
	status int
	body   string
}

func (c canned) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

// typed says whether value is one of the types that Result names, all through.
func typed(value any) bool {
	switch v := value.(type) {
	case nil, string, int64, *big.Int, float64, bool, map[string]any: // Redis sends no objects; one stays as it came
		return true
	case []any:
		for _, one := range v {
			if !typed(one) {
				return false
			}
		}
		return true
	}
	return false
}

// FuzzReply holds that any answer is either an error of one line without the token, or values of the types that Result
// names.
func FuzzReply(f *testing.F) {
	f.Add(200, `{"result":[1,2.5,"a",null,[18446744073709551617]]}`)
	f.Add(200, `[{"result":1},{"error":"ERR no"}]`)
	f.Add(400, `{"error":"ERR no"}`)
	f.Add(200, `{"result":{"a":1}}`)
	f.Add(200, `{"result":1e999,"error":null}`)
	f.Add(200, `[null,{}]`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		c := Client{Doer: canned{status, body}, URL: "http://u:PA55@host", Token: "PA55"}
		value, err := c.Do(t.Context(), Command{"GET"})
		if !typed(value) || (err != nil && (value != nil || !strings.HasPrefix(err.Error(), "POST http://host/: "))) {
			t.Errorf("%d %q: %#v, %v", status, body, value, err)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "PA55") && !strings.Contains(body, "PA55")) {
			t.Errorf("%d %q: %v", status, body, err)
		}
		results, err := c.Pipeline(t.Context(), []Command{{"GET"}, {"GET"}})
		if (err == nil) != (len(results) == 2) {
			t.Errorf("%d %q: %d results, %v", status, body, len(results), err)
		}
		for _, result := range results {
			if !typed(result.Value) || (result.Err != nil && result.Value != nil) {
				t.Errorf("%d %q: %s", status, body, fmt.Sprintf("%#v", result))
			}
		}
	})
}
