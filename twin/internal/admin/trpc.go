package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
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

func parseError(message string) error {
	return &failure{"PARSE_ERROR", -32700, http.StatusBadRequest, message}
}

var errForbidden = &failure{"FORBIDDEN", -32003, http.StatusForbidden, "FORBIDDEN"}

// kinds are the procedures that a method calls.
var kinds = map[string]string{http.MethodGet: "query", http.MethodPost: "mutation"}

// call is one procedure's answer: data, or a failure.
type call struct {
	path string // "" when the request itself failed
	data any
	err  *failure
}

// trpc answers /api/trpc/a and, with batch=1, /api/trpc/a,b. An input that can't be read fails the whole request, with one
// error.
func (a *Admin) trpc(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	user := a.authenticate(r)
	paths, batch := []string{strings.TrimPrefix(r.URL.Path, "/api/trpc/")}, r.URL.Query().Get("batch") != ""
	if batch {
		paths = strings.Split(paths[0], ",")
	}
	inputs, err := a.readInputs(r, batch)
	if err != nil {
		c := failed("", err)
		answer(w, c.status(), a.envelope(c))
		return
	}
	var envelopes []any
	status := 0
	for i, path := range paths {
		c := a.call(r, user, path, inputs[strconv.Itoa(i)])
		envelopes = append(envelopes, a.envelope(c))
		if status != 0 && status != c.status() {
			status = http.StatusMultiStatus
		} else {
			status = c.status()
		}
	}
	if !batch {
		answer(w, status, envelopes[0])
		return
	}
	answer(w, status, envelopes)
}

// call runs one procedure. As in the real router, who asks is checked before what they ask for.
func (a *Admin) call(r *http.Request, user *database.User, path string, raw *value) call {
	kind := kinds[r.Method]
	p, ok := a.procedures[path]
	if !ok || p.kind != kind {
		return failed(path, &failure{"NOT_FOUND", -32004, http.StatusNotFound, fmt.Sprintf("No %q-procedure on path %q", kind, path)})
	}
	if user == nil {
		a.unauthorized.Add(1)
		return failed(path, &failure{"UNAUTHORIZED", -32001, http.StatusUnauthorized, "UNAUTHORIZED"})
	}
	in, err := readInput(raw)
	if err != nil {
		return failed(path, err)
	}
	data, err := p.run(r.Context(), user, in)
	if err != nil {
		return failed(path, err)
	}
	a.calls[path].Add(1)
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
	if c.err == nil {
		return map[string]any{"result": map[string]any{"data": encode(c.data)}}
	}
	data := map[string]any{"code": c.err.code, "httpStatus": c.err.status}
	if c.path != "" {
		data["path"] = c.path
	}
	return map[string]any{"error": encode(map[string]any{"message": c.err.message, "code": c.err.number, "data": data})}
}

// readInputs reads the inputs of a request by the number of their call; one that is missing is undefined.
func (a *Admin) readInputs(r *http.Request, batch bool) (map[string]*value, error) {
	if kinds[r.Method] == "" {
		return nil, &failure{"METHOD_NOT_SUPPORTED", -32005, http.StatusMethodNotAllowed, "Unexpected request method " + r.Method}
	}
	raw, err := rawInput(r)
	if err != nil {
		return nil, err
	}
	raws := map[string]json.RawMessage{}
	if !batch {
		if raw != nil {
			raws["0"] = raw
		}
	} else if json.Unmarshal(raw, &raws) != nil || raws == nil { // there must be one
		return nil, badRequest(`"input" needs to be an object when doing a batch call`)
	}
	inputs := make(map[string]*value, len(raws))
	for i, raw := range raws {
		if inputs[i], err = a.decode(raw); err != nil {
			return nil, err
		}
	}
	return inputs, nil
}

// rawInput is a query's parameter, or a mutation's body; nil when there's none.
func rawInput(r *http.Request) (json.RawMessage, error) {
	text := r.URL.Query().Get("input")
	if r.Method == http.MethodPost {
		text = ""
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			if err != nil {
				return nil, parseError(err.Error())
			}
			text = string(body)
		}
	}
	if text == "" && (r.Method == http.MethodPost || !r.URL.Query().Has("input")) {
		return nil, nil
	}
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, parseError("the input is no JSON: " + err.Error())
	}
	return raw, nil
}
