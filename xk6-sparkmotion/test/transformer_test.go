package test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// procedures is a tRPC server, plain or by superjson, with a query "read" and a mutation "write". It keeps what it was asked.
type procedures struct {
	superjson bool
	mu        sync.Mutex
	asked     []string
}

func (p *procedures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	input := r.URL.Query().Get("input")
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		input = string(body)
	}
	p.asked = append(p.asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/trpc/")+" "+input)
	wrapped := strings.Contains(input, `{"json":`)
	mutation := strings.HasSuffix(r.URL.Path, "/write")
	batch := r.URL.Query().Has("batch")
	data, failure := `{"result":{"data":"done"}}`, `{"error":{"message":"Required","data":{"code":"BAD_REQUEST","httpStatus":400}}}`
	if p.superjson {
		data, failure = `{"result":{"data":{"json":"done"}}}`, `{"error":{"json":{"message":"Required","data":{"code":"BAD_REQUEST","httpStatus":400}}}}`
	}
	answer := data
	if wrapped != p.superjson || mutation != (r.Method == http.MethodPost) {
		w.WriteHeader(http.StatusBadRequest)
		answer = failure
	}
	if batch {
		answer = "[" + answer + "]"
	}
	_, _ = io.WriteString(w, answer)
}

// The first answer shows the server's transformer, and all VUs of the process know it from then on.
func TestTransformerIsFound(t *testing.T) {
	t.Parallel()
	const calls = "[sm.query(null, 'read', {a: 1}), sm.batch(null, [['read', {a: 1}]]), sm.mutate(null, 'write', {a: 1})]"
	for _, c := range []struct {
		name         string
		superjson    bool
		first, later []string
	}{
		{"superjson", true,
			[]string{`GET read {"json":{"a":1}}`, `GET read {"0":{"json":{"a":1}}}`, `POST write {"json":{"a":1}}`},
			[]string{`GET read {"json":{"a":1}}`, `GET read {"0":{"json":{"a":1}}}`, `POST write {"json":{"a":1}}`}},
		{"none", false,
			[]string{`GET read {"json":{"a":1}}`, `GET read {"a":1}`, `GET read {"0":{"a":1}}`, `POST write {"a":1}`},
			[]string{`GET read {"a":1}`, `GET read {"0":{"a":1}}`, `POST write {"a":1}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := &procedures{superjson: c.superjson}
			link, _ := vutest.Serve(t, server.ServeHTTP)
			p := newProcess(t, map[string]string{"ADMIN_URL": link})
			for id, want := range [][]string{c.first, c.later} {
				s := p.Start(uint64(id + 1))
				vutest.Equal(t, "data", s.Show(calls), `["done",["done"],"done"]`)
				vutest.EqualLines(t, "asked", server.asked, want...)
				vutest.EqualLines(t, "emitted", s.Emitted(), // what was sent to learn is no sample
					"analytics_latency{procedure:read} time", "analytics_latency{procedure:read} time", "analytics_latency{procedure:write} time",
					"error_rate{part:admin} 0", "error_rate{part:admin} 0", "error_rate{part:admin} 0")
				server.asked = nil
			}
		})
	}
}

// A mutation runs once, also when it is the first call of all: what is asked before it changes nothing.
func TestMutationRunsOnce(t *testing.T) {
	t.Parallel()
	for _, superjson := range []bool{true, false} {
		server := &procedures{superjson: superjson}
		link, _ := vutest.Serve(t, server.ServeHTTP)
		s := newProcess(t, map[string]string{"ADMIN_URL": link}).Start(1)
		vutest.Equal(t, "data", s.Show("sm.mutate(null, 'write', {a: 1})"), `"done"`)
		input := map[bool]string{true: `{"json":{"a":1}}`, false: `{"a":1}`}[superjson]
		vutest.EqualLines(t, "asked", server.asked, "GET write ", "POST write "+input)
	}
}

// A transformer that is said, and is not the server's, is one clear error.
func TestTransformerIsNotTheServers(t *testing.T) {
	t.Parallel()
	server := &procedures{superjson: true}
	link, shown := vutest.Serve(t, server.ServeHTTP)
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"}).Start(1)
	const why = ": the server's transformer is superjson, but TRPC_TRANSFORMER (the option transformer) says none. Remove that setting: the transformer is detected"
	vutest.Equal(t, "query", s.Fails("sm.query(null, 'read', {a: 1})"), "query: "+shown+"/api/trpc/read"+why)
	vutest.Equal(t, "batch", s.Fails("sm.batch(null, [['read', {a: 1}]])"), "batch: "+shown+"/api/trpc/read"+why)
}
