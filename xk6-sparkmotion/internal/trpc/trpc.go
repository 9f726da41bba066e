// Package trpc speaks with a tRPC server, v10 or v11, over HTTP: https://trpc.io/docs/rpc. Inputs and results are JSON texts;
// transformers are the caller's.
package trpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Client queries one application.
type Client struct {
	Doer   answer.Doer
	URL    string // the application's origin; procedures are at /api/trpc/
	Cookie string // of the session, as a Cookie header; may be empty
}

// Call is one procedure and its input as a JSON text; an empty input sends none.
type Call struct {
	Procedure string
	Input     string
}

// Result is one call's outcome: data as JSON, or the server's error.
type Result struct {
	Data  json.RawMessage
	Err   *Error
	Shape Shape // of data and error alike
}

// Shape is what an answer shows about the server's transformer.
type Shape string

// The shapes. An answer that is not tRPC's has none.
const (
	Plain     Shape = "none"
	Superjson Shape = "superjson"
)

// Error is an error that a tRPC server returned.
type Error struct {
	Request   string // method and URL, safe to show
	Procedure string
	Code      string // e.g. UNAUTHORIZED
	Status    int    // the HTTP status that goes with the code
	Message   string
	Shape     Shape
}

func (e *Error) Error() string {
	who := ""
	if !strings.HasSuffix(e.Request, "/"+e.Procedure) {
		who = e.Procedure + " " // of a batch
	}
	text := fmt.Sprintf("%s: %sanswered %s (%d): %s", e.Request, who, e.Code, e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized:
		text += ". " + expired
	case e.Status == http.StatusForbidden:
		text += ". The session's user is not allowed to do this"
	case e.Status >= http.StatusInternalServerError:
		text += ". The server failed: its log says why"
	}
	return text
}

// expired is what to do about a session that is not accepted.
const expired = "The session is missing or has expired: log in again"

// Query runs one call. Errors are a [*Error] from the server, or an [*answer.Error].
func (c Client) Query(ctx context.Context, call Call) (Result, error) {
	query := ""
	if call.Input != "" {
		query = "?input=" + EncodeURIComponent(call.Input)
	}
	return c.one(ctx, http.MethodGet, call.Procedure, query, nil)
}

// Mutate runs one call that changes something.
func (c Client) Mutate(ctx context.Context, call Call) (Result, error) {
	var body io.Reader
	if call.Input != "" {
		body = strings.NewReader(call.Input)
	}
	return c.one(ctx, http.MethodPost, call.Procedure, "", body)
}

func (c Client) one(ctx context.Context, method, procedure, query string, body io.Reader) (Result, error) {
	a, err := c.send(ctx, method, procedure, query, body)
	if err != nil {
		return Result{}, err
	}
	var got envelope
	if err := a.JSON(&got); err != nil {
		return Result{}, unparsed(a, err)
	}
	result, err := got.result(a, procedure)
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return result, err
}

// Batch runs several calls in one request and returns one result per call, in order. A failed call is a result with Err;
// the error is for a request that failed as a whole.
func (c Client) Batch(ctx context.Context, calls []Call) ([]Result, error) {
	names := make([]string, len(calls))
	inputs := make([]string, 0, len(calls))
	for i, call := range calls {
		names[i] = call.Procedure
		if call.Input != "" {
			inputs = append(inputs, strconv.Quote(strconv.Itoa(i))+":"+call.Input)
		}
	}
	procedures := strings.Join(names, ",")
	a, err := c.send(ctx, http.MethodGet, procedures, "?batch=1&input="+EncodeURIComponent("{"+strings.Join(inputs, ",")+"}"), nil)
	if err != nil {
		return nil, err
	}
	var got []envelope
	if err := a.JSON(&got); err != nil {
		var whole envelope // what tRPC answers to a batch that it can't even start
		if a.JSON(&whole) == nil && whole.Error != nil {
			result, _ := whole.result(a, procedures)
			return nil, result.Err
		}
		return nil, unparsed(a, err)
	}
	if len(got) != len(calls) {
		return nil, a.Wrong("Is there a proxy that answers for tRPC?", "%d results to %d calls", len(got), len(calls))
	}
	results := make([]Result, len(calls))
	for i := range got {
		if results[i], err = got[i].result(a, names[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (c Client) send(ctx context.Context, method, procedures, query string, body io.Reader) (*answer.Answer, error) {
	target := strings.TrimRight(c.URL, "/") + "/api/trpc/" + procedures + query
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil { // not err: it repeats the URL, with its password and the input
		return nil, fmt.Errorf("ADMIN_URL and the procedure %q do not form a URL", procedures)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Cookie != "" {
		req.Header.Set("Cookie", c.Cookie)
	}
	return answer.Get(c.Doer, req, "ADMIN_URL")
}

// unparsed prefers the status as the reason when it already tells why the body is no tRPC answer.
func unparsed(a *answer.Answer, err error) error {
	if a.Status/100 != 2 {
		return a.Unexpected(expired)
	}
	return err
}

// envelope is an answer to one call. The code that superjson servers wrap the error in is found one level down.
type envelope struct {
	Result *struct {
		Data json.RawMessage `json:"data"`
	} `json:"result"`
	Error *struct {
		shape
		JSON *shape `json:"json"`
	} `json:"error"`
}

type shape struct {
	Message string `json:"message"`
	Data    struct {
		Code   string `json:"code"`
		Status int    `json:"httpStatus"`
	} `json:"data"`
}

func (e envelope) result(a *answer.Answer, procedure string) (Result, error) {
	switch {
	case e.Error != nil:
		s, shape := e.Error.shape, Plain
		if e.Error.JSON != nil {
			s, shape = *e.Error.JSON, Superjson
		}
		if s.Data.Status == 0 {
			s.Data.Status = a.Status
		}
		return Result{Err: &Error{a.Request, procedure, answer.Words(s.Data.Code), s.Data.Status, words(s.Message), shape}, Shape: shape}, nil
	case e.Result != nil && a.Status/100 == 2:
		return Result{Data: e.Result.Data, Shape: shapeOf(e.Result.Data)}, nil // a procedure that returns undefined has no data
	case a.Status/100 != 2:
		return Result{}, a.Unexpected(expired)
	default:
		return Result{}, a.Wrong("Is this a tRPC server, and ADMIN_URL its origin?", "JSON with neither result nor error")
	}
}

// shapeOf tells superjson's wrapper from plain data: an object of json, and perhaps meta, alone.
func shapeOf(data json.RawMessage) Shape {
	if !bytes.HasPrefix(data, []byte(`{"json":`)) { // the wrapper's first key, as JSON.stringify writes it
		return Plain
	}
	return Superjson
}

// words are an error's message for people. What is wrong with an input comes as JSON of Zod's: its issues, each with the
// path that it is about.
func words(message string) string {
	var issues []struct {
		Path    []any  `json:"path"`
		Message string `json:"message"`
	}
	if json.Unmarshal([]byte(message), &issues) != nil || len(issues) == 0 || issues[0].Message == "" {
		return answer.Words(message)
	}
	lines := make([]string, len(issues))
	for i, issue := range issues {
		path := strings.Trim(strings.ReplaceAll(fmt.Sprint(issue.Path), " ", "."), "[]")
		lines[i] = strings.TrimPrefix(path+": "+issue.Message, ": ") // of the whole input, there is no path
	}
	return answer.Words(strings.Join(lines, "; "))
}

// EncodeURIComponent encodes s as JavaScript's function of that name does (ECMA-262, 19.2.6.4): all but
// A-Z a-z 0-9 - _ . ! ~ * ' ( ) as UTF-8 bytes in %XX.
func EncodeURIComponent(s string) string {
	encoded := url.QueryEscape(s)
	if !strings.ContainsAny(encoded, "+%") {
		return encoded
	}
	return likeJavaScript.Replace(encoded)
}

// likeJavaScript undoes what url.QueryEscape encodes beyond encodeURIComponent.
var likeJavaScript = strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")
