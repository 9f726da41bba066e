// Package upstash speaks Upstash's Redis REST API: https://upstash.com/docs/redis/features/restapi.
package upstash

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Client sends commands to one database.
type Client struct {
	Doer  answer.Doer
	URL   string // UPSTASH_REDIS_REST_URL
	Token string // UPSTASH_REDIS_REST_TOKEN
}

// Command is a Redis command and its arguments: strings, numbers and booleans.
type Command []any

// Result is a command's result: nil, a string, an int64, a *big.Int beyond 64 bits, a float64, a bool, or a []any of
// these; or the error that Redis returned.
type Result struct {
	Value any
	Err   *Error
}

// Error is an error that Redis returned for one command.
type Error struct {
	Request string // method and URL, safe to show
	Command string // the command's name, without its arguments
	Message string // e.g. WRONGTYPE Operation against a key holding the wrong kind of value
}

func (e *Error) Error() string { return e.Request + ": " + e.Command + " answered " + e.Message }

// Do runs one command. Errors are a [*Error] from Redis, or an [*answer.Error].
func (c Client) Do(ctx context.Context, command Command) (any, error) {
	if err := command.check(); err != nil {
		return nil, err
	}
	a, err := c.post(ctx, "/", command)
	if err != nil {
		return nil, err
	}
	var got reply
	if err := a.JSON(&got); err != nil {
		return nil, err
	}
	result, err := got.result(a, command)
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return result.Value, err
}

// Pipeline runs commands in order, not atomically, and returns one result per command.
func (c Client) Pipeline(ctx context.Context, commands []Command) ([]Result, error) {
	return c.several(ctx, "/pipeline", commands)
}

// Transaction runs commands atomically and returns one result per command. A transaction that can't be queued is an
// [*answer.Error] with the server's reason.
func (c Client) Transaction(ctx context.Context, commands []Command) ([]Result, error) {
	return c.several(ctx, "/multi-exec", commands)
}

func (c Client) several(ctx context.Context, path string, commands []Command) ([]Result, error) {
	for _, command := range commands {
		if err := command.check(); err != nil {
			return nil, err
		}
	}
	a, err := c.post(ctx, path, commands)
	if err != nil {
		return nil, err
	}
	var got []reply
	if err := a.JSON(&got); err != nil {
		return nil, err
	}
	if len(got) != len(commands) {
		return nil, a.Wrong("Is a proxy in between?", "%d results to %d commands", len(got), len(commands))
	}
	results := make([]Result, len(commands))
	for i, one := range got {
		if results[i], err = one.result(a, commands[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// check refuses arguments that are neither strings nor numbers nor booleans: what JSON makes of a Date or of bytes is not what was meant.
// It tells their kind alone, as they may be secret.
func (c Command) check() error {
	for i, argument := range c {
		switch argument.(type) {
		case string, bool, int, int64, float64, *big.Int:
		default:
			return fmt.Errorf("argument %d of %s must be a string, a number or a boolean, and is %s", i, c.name(), kind(argument))
		}
	}
	return nil
}

// kind is what JavaScript calls a value.
func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null or undefined"
	case time.Time:
		return "a Date: send its toISOString() or getTime()"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "neither: send bytes as text"
}

// post sends body and gives a 200's answer, or a 400's when it carries Redis's error to a single command.
func (c Client) post(ctx context.Context, path string, body any) (*answer.Answer, error) {
	sent, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("a command's arguments must be strings, numbers or booleans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(sent))
	if err != nil { // not err: it repeats the URL
		return nil, errors.New("UPSTASH_REDIS_REST_URL is not a URL")
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	a, err := answer.Get(c.Doer, req, "UPSTASH_REDIS_REST_URL")
	if err != nil {
		return nil, err
	}
	said := c.reason(a)
	switch single := path == "/"; {
	case a.Status == http.StatusOK && (single || said == ""), a.Status == http.StatusBadRequest && single && said != "":
		return a, nil
	case said == "":
		return nil, a.Unexpected(unauthorized)
	case a.Status == http.StatusOK, a.Status == http.StatusBadRequest:
		return nil, a.Wrong("", "%d: %s", a.Status, said)
	}
	wrong := a.Unexpected(unauthorized)
	wrong.Got += ": " + said // a second's limit or a day's, a read-only token, a suspended database
	return nil, wrong
}

// unauthorized is what to check when a request was not let in.
const unauthorized = "Check UPSTASH_REDIS_REST_TOKEN"

// reason returns why the server refuses the request as a whole; empty when it does not say.
func (c Client) reason(a *answer.Answer) string {
	var refused reply
	if a.JSON(&refused) != nil || refused.Error == nil {
		return ""
	}
	return cmp.Or(c.words(*refused.Error), "an error without words")
}

// words returns the server's text as messages quote it, without the token.
func (c Client) words(said string) string {
	if c.Token != "" {
		said = strings.ReplaceAll(said, c.Token, "****")
	}
	return answer.Words(said)
}

type reply struct {
	Result json.RawMessage `json:"result"`
	Error  *string         `json:"error"`
}

func (r reply) result(a *answer.Answer, command Command) (Result, error) {
	if r.Error != nil {
		return Result{Err: &Error{a.Request, command.name(), answer.Words(*r.Error)}}, nil
	}
	if r.Result == nil {
		return Result{}, a.Wrong("Is this Upstash's REST API?", "JSON with neither result nor error")
	}
	dec := json.NewDecoder(bytes.NewReader(r.Result))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return Result{}, a.Wrong("", "a result that can't be read: %s", err)
	}
	return Result{Value: exact(value)}, nil
}

func (c Command) name() string {
	if len(c) == 0 {
		return "(no command)"
	}
	return strings.ToUpper(answer.Words(fmt.Sprint(c[0])))
}

// exact turns JSON numbers into the Go types that hold them without rounding.
func exact(value any) any {
	switch v := value.(type) {
	case json.Number:
		return number(v)
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	}
	return value
}

func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	if i, ok := new(big.Int).SetString(n.String(), 10); ok {
		return i
	}
	f, err := n.Float64()
	if err != nil {
		return n.String() // beyond float64: the digits as the server wrote them
	}
	return f
}
