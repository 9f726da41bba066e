// Package upstash is Upstash's REST face of Redis: JSON commands in, JSON results out.
package upstash

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
)

// maxBody is the largest request, in bytes, on a plan such as Pro.
const maxBody = 10 << 20

// REST serves POST /, /pipeline and /multi-exec.
type REST struct {
	redis *redis.Client
	token [sha256.Size]byte
	gate  *fault.Gate
	plan  *rate.Limiter

	requests, commands, unauthorized, limited atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	Requests     int64 `json:"requests"`
	Commands     int64 `json:"commands"`
	Unauthorized int64 `json:"unauthorized"`
	Limited      int64 `json:"limited"` // past the plan's rate, the Worker's requests too
	Faults       int64 `json:"faults"`
}

// New returns a REST face of client for those who know the token, on a plan of so many requests/s; 0 has no limit.
func New(client *redis.Client, token string, perSecond float64, gate *fault.Gate) *REST {
	return &REST{redis: client, token: sha256.Sum256([]byte(token)), plan: fault.Limiter(perSecond), gate: gate}
}

// Admit judges a request of the Worker's, which comes without HTTP: faults and the plan's rate hold for it as for any
// other. It waits as long as the fault says, or until done.
func (u *REST) Admit(done <-chan struct{}) fault.Verdict {
	if v := u.gate.Enter(done); v != (fault.Verdict{}) {
		return v
	}
	if !u.plan.Allow() {
		u.limited.Add(1)
		return fault.Verdict{Status: http.StatusTooManyRequests}
	}
	return fault.Verdict{}
}

// Well reports whether Admit answers at once.
func (u *REST) Well() bool { return u.gate.Well() }

// Stats returns the counters.
func (u *REST) Stats() Stats {
	return Stats{Requests: u.requests.Load(), Commands: u.commands.Load(), Unauthorized: u.unauthorized.Load(),
		Limited: u.limited.Load(), Faults: u.gate.Struck()}
}

// Handler serves the face, behind its gate.
func (u *REST) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", u.authorized(u.command))
	mux.HandleFunc("POST /pipeline", u.authorized(u.pipeline))
	mux.HandleFunc("POST /multi-exec", u.authorized(u.transaction))
	return u.gate.Wrap(mux)
}

func (u *REST) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		if !u.plan.Allow() {
			u.limited.Add(1)
			fail(w, http.StatusTooManyRequests, "ERR max requests limit exceeded")
			return
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(sum[:], u.token[:]) != 1 {
			u.unauthorized.Add(1)
			fail(w, http.StatusUnauthorized, "WRONGPASS invalid or missing auth token")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next(w, r)
	}
}

// command answers POST /: {"result"} or, with 400, {"error"}.
func (u *REST) command(w http.ResponseWriter, r *http.Request) {
	var raw []any
	if err := decode(r, &raw); err != nil {
		refuse(w, err)
		return
	}
	args, err := arguments(raw)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if stateful(args) {
		fail(w, http.StatusBadRequest, unavailable(args))
		return
	}
	replies, err := u.send(r.Context(), u.redis.Pipeline(), [][]any{args})
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	status := http.StatusOK
	if replies[0][0] == '-' {
		status = http.StatusBadRequest
	}
	entry, _ := appendEntry(nil, replies[0], encoding(r))
	respond(w, status, entry)
}

// pipeline answers POST /pipeline: 200 and one {"result"} or {"error"} a command.
func (u *REST) pipeline(w http.ResponseWriter, r *http.Request) {
	commands, err := decodeMany(r)
	if err != nil {
		refuse(w, err)
		return
	}
	replies, err := u.send(r.Context(), u.redis.Pipeline(), slices.DeleteFunc(slices.Clone(commands), stateful))
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	body := []byte{'['}
	for i, args := range commands {
		if i > 0 {
			body = append(body, ',')
		}
		if stateful(args) {
			body = append(body, errorBody(unavailable(args))...)
			continue
		}
		body, _ = appendEntry(body, replies[0], encoding(r))
		replies = replies[1:]
	}
	respond(w, http.StatusOK, append(body, ']'))
}

// transaction answers POST /multi-exec: as a pipeline, but all or nothing; 400 and one {"error"}, the first reason, for
// nothing.
func (u *REST) transaction(w http.ResponseWriter, r *http.Request) {
	commands, err := decodeMany(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if i := slices.IndexFunc(commands, stateful); i >= 0 {
		fail(w, http.StatusBadRequest, unavailable(commands[i]))
		return
	}
	reply, err := u.exec(context.WithoutCancel(r.Context()), commands) // or the connection would be left between MULTI and EXEC
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	if reply[0] == '-' {
		entry, _ := appendEntry(nil, reply, encoding(r))
		respond(w, http.StatusBadRequest, entry)
		return
	}
	respond(w, http.StatusOK, appendEntries(nil, reply, encoding(r)))
}

// exec runs commands between MULTI and EXEC and returns EXEC's reply, or that of the first command that wasn't queued.
// It looks before it says EXEC: the embedded Redis would go on without a command that it doesn't know.
func (u *REST) exec(ctx context.Context, commands [][]any) ([]byte, error) {
	conn := u.redis.Conn()
	defer conn.Close()
	queued, err := u.send(ctx, conn.Pipeline(), slices.Concat([][]any{{"MULTI"}}, commands))
	if err != nil {
		return nil, err
	}
	last := "EXEC"
	refused := slices.IndexFunc(queued, func(reply []byte) bool { return reply[0] == '-' })
	if refused >= 0 {
		last = "DISCARD"
	}
	replies, err := u.send(ctx, conn.Pipeline(), [][]any{{last}})
	if err != nil {
		return nil, err
	}
	if refused >= 0 {
		return queued[refused], nil
	}
	return replies[0], nil
}

// send runs commands in order and returns their replies as Redis wrote them.
func (u *REST) send(ctx context.Context, pipe redis.Pipeliner, commands [][]any) ([][]byte, error) {
	u.commands.Add(int64(len(commands)))
	raw := make([]*redis.RawCmd, len(commands))
	for i, args := range commands {
		raw[i] = redis.NewRawCmd(ctx, args...)
		_ = pipe.Process(ctx, raw[i])
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("ERR Redis doesn't answer: %w", err)
	}
	replies := make([][]byte, len(raw))
	for i := range raw {
		replies[i] = raw[i].Val()
	}
	return replies, nil
}

func encoding(r *http.Request) bool { return r.Header.Get("Upstash-Encoding") == "base64" }

// refuse answers a request whose body can't be used.
func refuse(w http.ResponseWriter, err error) {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("ERR max request size exceeded. Limit: %d bytes", large.Limit))
		return
	}
	fail(w, http.StatusBadRequest, err.Error())
}

func fail(w http.ResponseWriter, status int, message string) { respond(w, status, errorBody(message)) }

func errorBody(message string) []byte {
	body, _ := json.Marshal(map[string]string{"error": message})
	return body
}

func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
