package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
)

// failure is a tRPC error: its name, its JSON-RPC number and its HTTP status.
type failure struct {
	code    string
	number  int
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

func badRequest(message string) error {
	return &failure{"BAD_REQUEST", -32600, http.StatusBadRequest, message}
}

// call is one procedure's answer: data, or a failure.
type call struct {
	path string
	data any
	err  *failure
}

// trpc answers GET /api/trpc/a and, with batch=1, /api/trpc/a,b.
func (a *Admin) trpc(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Vary", "trpc-accept, accept")
	run := func(path string, read func() (json.RawMessage, error)) call {
		c := a.call(r, path, read)
		if c.status() == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodGet)
		}
		return c
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/trpc/")
	if r.URL.Query().Get("batch") != "1" {
		c := run(path, func() (json.RawMessage, error) { return whole(r) })
		answer(w, c.status(), a.envelope(c))
		return
	}
	var (
		envelopes []any
		status    int
	)
	for i, path := range strings.Split(path, ",") {
		c := run(path, func() (json.RawMessage, error) { return numbered(r, i) })
		if status != 0 && status != c.status() {
			status = http.StatusMultiStatus
		} else if status == 0 {
			status = c.status()
		}
		envelopes = append(envelopes, a.envelope(c))
	}
	answer(w, status, envelopes)
}

// call runs one procedure. As in the real router, who asks is checked before what they ask for.
func (a *Admin) call(r *http.Request, path string, read func() (json.RawMessage, error)) call {
	run, ok := a.procedures[path]
	switch {
	case !ok:
		return failed(path, &failure{"NOT_FOUND", -32004, http.StatusNotFound, fmt.Sprintf("No procedure found on path %q", path)})
	case r.Method != http.MethodGet:
		return failed(path, &failure{"METHOD_NOT_SUPPORTED", -32005, http.StatusMethodNotAllowed,
			fmt.Sprintf("Unsupported %s-request to query procedure at path %q", r.Method, path)})
	}
	if _, ok := a.authenticate(r); !ok {
		a.unauthorized.Add(1)
		return failed(path, &failure{"UNAUTHORIZED", -32001, http.StatusUnauthorized, "UNAUTHORIZED"})
	}
	raw, err := read()
	if err != nil {
		return failed(path, err)
	}
	in, err := a.readInput(raw)
	if err != nil {
		return failed(path, err)
	}
	data, err := run(r.Context(), in)
	if err != nil {
		return failed(path, err)
	}
	a.queries[path].Add(1)
	return call{path: path, data: data}
}

func failed(path string, err error) call {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		log.Printf("admin: %s: %v", path, err) // #nosec G706 -- one of our procedures
		f = &failure{"INTERNAL_SERVER_ERROR", -32603, http.StatusInternalServerError, err.Error()}
	}
	return call{path: path, err: f}
}

func (c call) status() int {
	if c.err != nil {
		return c.err.status
	}
	return http.StatusOK
}

// envelope is a call's answer as it travels.
func (a *Admin) envelope(c call) any {
	encode := func(v any) any { return v }
	if a.Superjson {
		encode = superjson
	}
	if c.err != nil {
		return map[string]any{"error": encode(map[string]any{
			"message": c.err.message,
			"code":    c.err.number,
			"data":    map[string]any{"code": c.err.code, "httpStatus": c.err.status, "path": c.path},
		})}
	}
	return map[string]any{"result": map[string]any{"data": encode(c.data)}}
}

// whole is the input of a single call; nil when there's none.
func whole(r *http.Request) (json.RawMessage, error) {
	text := r.URL.Query().Get("input")
	if text == "" {
		return nil, nil
	}
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, badRequest("input is no JSON: " + err.Error())
	}
	return raw, nil
}

// numbered is the input of call i of a batch.
func numbered(r *http.Request, i int) (json.RawMessage, error) {
	raw, err := whole(r)
	if raw == nil || err != nil {
		return nil, err
	}
	var inputs map[string]json.RawMessage
	if json.Unmarshal(raw, &inputs) != nil {
		return nil, badRequest(`"input" needs to be an object when doing a batch call`)
	}
	return inputs[strconv.Itoa(i)], nil
}
