package upstash

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

func serve(t *testing.T) (*store.Store, string) {
	t.Helper()
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(New(s.Client, "secret", 0, &fault.Gate{}).Handler())
	t.Cleanup(func() { server.Close(); s.Close() })
	return s, server.URL
}

func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	req, _ := http.NewRequest("POST", url, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer secret")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Transport{DisableKeepAlives: true}
	resp, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func TestREST(t *testing.T) {
	s, url := serve(t)
	for key, value := range map[string]string{"text": "héllo\n", "big": "9007199254740993", "ok": "OK", "binary": "\xff\x00"} {
		s.Set(t.Context(), key, value, 0)
	}
	s.RPush(t.Context(), "list", "a", "b")
	s.HSet(t.Context(), "hash", "f", "v")
	base64 := []string{"Upstash-Encoding", "base64"}
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
		want             string
	}{
		{"string", "/", `["GET","text"]`, nil, 200, `{"result":"héllo\n"}`},
		{"status", "/", `["SET","k","v"]`, nil, 200, `{"result":"OK"}`},
		{"nothing", "/", `["GET","no"]`, nil, 200, `{"result":null}`},
		{"integer", "/", `["LLEN","list"]`, nil, 200, `{"result":2}`},
		{"integer of 64 bits", "/", `["INCRBY","big",0]`, nil, 200, `{"result":9007199254740993}`},
		{"array", "/", `["LRANGE","list",0,-1]`, nil, 200, `{"result":["a","b"]}`},
		{"map", "/", `["HGETALL","hash"]`, nil, 200, `{"result":["f","v"]}`},
		{"nested", "/", `["EVAL","return {1,{'a',false},redis.status_reply('fine')}",0]`, nil, 200, `{"result":[1,["a",null],"fine"]}`},
		{"no UTF-8", "/", `["GET","binary"]`, nil, 200, `{"result":"\ufffd\u0000"}`},
		{"error", "/", `["INCR","text"]`, nil, 400, `{"error":"ERR value is not an integer or out of range"}`},
		{"number as it is", "/", `["ECHO",12345678901234567890]`, nil, 200, `{"result":"12345678901234567890"}`},
		{"base64", "/", `["GET","text"]`, base64, 200, `{"result":"aMOpbGxvCg=="}`},
		{"base64 of binary", "/", `["MGET","binary","no"]`, base64, 200, `{"result":["/wA=",null]}`},
		{"base64 of the status OK", "/", `["SET","k","v"]`, base64, 200, `{"result":"OK"}`},
		{"base64 of the string OK", "/", `["GET","ok"]`, base64, 200, `{"result":"T0s="}`},
		{"base64 of another status", "/", `["PING"]`, base64, 200, `{"result":"UE9ORw=="}`},
		{"pipeline", "/pipeline", `[["GET","text"],["INCR","text"],["NOPE"],["LLEN","list"]]`, nil, 200,
			"[{\"result\":\"héllo\\n\"},{\"error\":\"ERR value is not an integer or out of range\"},{\"error\":\"ERR unknown command `NOPE`, with args beginning with: \"},{\"result\":2}]"},
		{"transaction", "/multi-exec", `[["SET","t",1],["INCR","t"],["GET","no"],["LRANGE","list",0,-1]]`, nil, 200,
			`[{"result":"OK"},{"result":2},{"result":null},{"result":["a","b"]}]`},
		{"transaction with a failing command", "/multi-exec", `[["INCR","text"],["LLEN","list"]]`, nil, 200,
			`[{"error":"ERR value is not an integer or out of range"},{"result":2}]`},
		{"transaction that doesn't queue", "/multi-exec", `[["SET","never",1],["INCR"]]`, nil, 400,
			`{"error":"ERR wrong number of arguments for 'incr' command"}`},
		{"transaction with an unknown command", "/multi-exec", `[["SET","never",1],["NOPE"]]`, nil, 400, "{\"error\":\"ERR unknown command `NOPE`"},
		{"transaction with a stateful command", "/multi-exec", `[["SET","never",1],["WATCH","k"]]`, nil, 400, `{"error":"ERR Command is not available: 'WATCH'"}`},
		{"and did nothing", "/", `["GET","never"]`, nil, 200, `{"result":null}`},
		{"and left no transaction open", "/pipeline", `[["LLEN","list"],["LLEN","list"]]`, nil, 200, `[{"result":2},{"result":2}]`},
		{"no token", "/", `["PING"]`, []string{"Authorization", ""}, 401, `{"error":"WRONGPASS invalid or missing auth token"}`},
		{"wrong token", "/pipeline", `[["PING"]]`, []string{"Authorization", "Bearer secre"}, 401, `{"error":"WRONGPASS invalid or missing auth token"}`},
		{"no JSON", "/", `PING`, nil, 400, `{"error":"ERR failed to parse`},
		{"no array", "/pipeline", `{"a":1}`, nil, 400, `{"error":"ERR failed to parse`},
		{"one command as a pipeline", "/pipeline", `["PING"]`, nil, 400, `{"error":"ERR failed to parse`},
		{"empty command", "/", `[]`, nil, 400, `{"error":"ERR empty command"}`},
		{"empty pipeline", "/pipeline", `[]`, nil, 400, `{"error":"ERR empty pipeline request"}`},
		{"null argument", "/", `["SET","k",null]`, nil, 400, `{"error":"ERR null args are not supported"}`},
		{"pipeline as one command", "/", `[["PING"]]`, nil, 400, `{"error":"ERR unsupported arg type`},
		{"stateful command", "/", `["multi"]`, nil, 400, `{"error":"ERR Command is not available: 'MULTI'"}`},
		{"stateful command in a pipeline", "/pipeline", `[["LLEN","list"],["multi"],["GET","k"]]`, nil, 200,
			`[{"result":2},{"error":"ERR Command is not available: 'MULTI'"},{"result":"v"}]`},
		{"nothing but stateful commands", "/pipeline", `[["multi"]]`, nil, 200, `[{"error":"ERR Command is not available: 'MULTI'"}]`},
		{"another path", "/nowhere", `[]`, nil, 404, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := post(t, url+c.path, c.body, c.header...)
			if status != c.status || !strings.HasPrefix(body, c.want) {
				t.Errorf("got  %d %s\nwant %d %s", status, body, c.status, c.want)
			}
		})
	}
}

func TestRedisAway(t *testing.T) {
	s, url := serve(t)
	s.Stop()
	if status, body := post(t, url+"/pipeline", `[["PING"]]`); status != 500 || !strings.HasPrefix(body, `{"error":"ERR Redis doesn't answer`) {
		t.Errorf("got %d %s", status, body)
	}
	if status, _ := post(t, url+"/multi-exec", `[["PING"]]`); status != 500 {
		t.Errorf("a transaction: %d", status)
	}
	s.Start()
	if status, body := post(t, url, `["PING"]`); status != 200 {
		t.Errorf("got %d %s after the restart", status, body)
	}
}

func TestPlan(t *testing.T) {
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u := New(s.Client, "secret", 1, &fault.Gate{})
	server := httptest.NewServer(u.Handler())
	defer server.Close()
	if status, body := post(t, server.URL, `["PING"]`); status != 200 {
		t.Error(status, body)
	}
	if status, body := post(t, server.URL, `["PING"]`); status != 429 || !strings.Contains(body, "max requests limit exceeded") {
		t.Error(status, body)
	}
	if v := u.Admit(nil); v.Status != 429 { // the Worker's taps are on the same plan
		t.Error(v)
	}
	if n := u.Stats().Limited; n != 2 {
		t.Errorf("%d counted", n)
	}
}

func TestRequestSize(t *testing.T) {
	_, url := serve(t)
	for _, path := range []string{"/", "/pipeline", "/multi-exec"} {
		body := `[["SET","k","` + strings.Repeat("x", maxBody) + `"]]`
		if status, answer := post(t, url+path, body); status != 413 || !strings.HasPrefix(answer, `{"error":"ERR max request size exceeded`) {
			t.Errorf("%s: %d %.100s", path, status, answer)
		}
	}
}
