package sparkmotion

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

type queryOptions struct {
	URL          string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Transformer  string        `js:"transformer" env:"TRPC_TRANSFORMER"`
	ResponseType string        `js:"responseType" default:"json"`
	Timeout      time.Duration `js:"timeout" default:"60s"`
}

// query runs one tRPC query with the session's cookie and returns its data. responseType "none" checks the answer but
// spares the VU the data (as k6's own), which is worth it for an export of 50,000 rows: then it returns null. It throws
// what the server answered, with code and status.
func (m *module) query(inSession sobek.Value, procedure string, input, given sobek.Value) sobek.Value {
	o, s, c := m.trpc("query", inSession, procedure, given)
	encoded, err := m.encode(input, o.Transformer)
	if err != nil {
		m.throw(in("query "+procedure, err))
	}
	var data json.RawMessage
	m.withSession(s, &c, func() (known bool) {
		data, err = c.Query(m.context(), trpc.Call{Procedure: procedure, Input: encoded})
		return !expired(err)
	})
	var value sobek.Value
	if err == nil {
		value, err = m.decode(data, o)
	}
	m.emitQuery(c, procedure, err)
	if err != nil {
		m.throw(in("query", err))
	}
	return value
}

// batch runs several queries, [[procedure, input], …], in one request and returns an array with one entry a query:
// its data, or an Error with code and status. It throws when the request fails as a whole.
func (m *module) batch(inSession, list, given sobek.Value) sobek.Value {
	var queries [][]sobek.Value
	if common.IsNullish(list) || m.vu.Runtime().ExportTo(list, &queries) != nil || len(queries) == 0 {
		m.throw(errors.New("batch: the second argument must be an array of queries: [[procedure, input]]"))
	}
	names := make([]string, len(queries))
	calls := make([]trpc.Call, len(queries))
	for i, one := range queries {
		if len(one) == 0 || len(one) > 2 {
			m.throw(fmt.Errorf("batch: entry %d must be [procedure] or [procedure, input]", i))
		}
		names[i] = one[0].String()
	}
	procedures := strings.Join(names, ",")
	o, s, c := m.trpc("batch", inSession, procedures, given)
	for i, one := range queries {
		calls[i].Procedure = names[i]
		if len(one) == 1 {
			continue
		}
		var err error
		if calls[i].Input, err = m.encode(one[1], o.Transformer); err != nil {
			m.throw(in("batch "+names[i], err))
		}
	}
	var (
		results []trpc.Result
		err     error
	)
	m.withSession(s, &c, func() (known bool) {
		results, err = c.Batch(m.context(), calls)
		return !expired(err) && !slices.ContainsFunc(results, func(r trpc.Result) bool { return r.Err != nil && expired(r.Err) })
	})
	entries := make([]any, len(results))
	for i, result := range results {
		if result.Err != nil {
			entries[i] = m.newError(result.Err)
		} else if err == nil {
			entries[i], err = m.decode(result.Data, o)
		}
	}
	m.emitBatch(c, procedures, results, err)
	if err != nil {
		m.throw(in("batch", err))
	}
	return m.vu.Runtime().NewArray(entries...)
}

// trpc reads a call's options and its session, and makes the client for it.
func (m *module) trpc(call string, inSession sobek.Value, procedures string, given sobek.Value) (queryOptions, session, trpc.Client) {
	var o queryOptions
	if err := m.options(call, given, &o); err != nil {
		m.throw(err)
	}
	if err := checkTransformer(o.Transformer); err != nil {
		m.throw(in(call, err))
	}
	if o.ResponseType != "json" && o.ResponseType != "none" {
		m.throw(fmt.Errorf("%s: responseType must be json or none, got %q", call, o.ResponseType))
	}
	s, err := m.sessionOf(inSession)
	if err != nil {
		m.throw(in(call, err))
	}
	c, err := m.trpcClient(o.URL, procedures, o.Timeout)
	if err != nil {
		m.throw(in(call, err))
	}
	return o, s, c
}

// trpcClient is for requests to procedures; what a caller adds is the session's cookie.
func (m *module) trpcClient(origin, procedures string, timeout time.Duration) (trpc.Client, error) {
	c, err := m.client(strings.TrimSuffix(origin, "/")+"/api/trpc/"+procedures, timeout)
	return trpc.Client{Doer: c, URL: origin}, err
}

func checkTransformer(transformer string) error {
	if transformer != "" && transformer != "superjson" {
		return fmt.Errorf("the option transformer, TRPC_TRANSFORMER, must be superjson or left out, got %q", transformer)
	}
	return nil
}

// emitQuery counts one query: its latency, and whether it failed. One that was never sent says nothing of the system.
func (m *module) emitQuery(c trpc.Client, procedure string, err error) {
	if took(c) == 0 {
		return
	}
	m.emitTook(m.latencyOf(procedure), took(c), "procedure", procedure)
	m.emit(m.metrics.errorRate, rate(err != nil), "part", capacity.Admin)
	m.recordQueries(c, procedure, 1, int(rate(err != nil)))
}

// emitBatch counts one request's latency and every query's outcome, or the failure of all.
func (m *module) emitBatch(c trpc.Client, procedures string, results []trpc.Result, err error) {
	if err != nil {
		m.emitQuery(c, procedures, err)
		return
	}
	m.emitTook(m.latencyOf(procedures), took(c), "procedure", procedures)
	failed := 0
	for _, result := range results {
		m.emit(m.metrics.errorRate, rate(result.Err != nil), "part", capacity.Admin)
		failed += int(rate(result.Err != nil))
	}
	m.recordQueries(c, procedures, len(results), failed)
}

func took(c trpc.Client) time.Duration {
	return c.Doer.(*client).took // trpc() made it
}

// latencyOf is csv_export_latency for an export and analytics_latency for all else.
func (m *module) latencyOf(procedures string) *metrics.Metric {
	for procedure := range strings.SplitSeq(procedures, ",") {
		if name := procedure[strings.LastIndexByte(procedure, '.')+1:]; strings.HasPrefix(name, "export") {
			return m.metrics.exportLatency
		}
	}
	return m.metrics.analyticsLatency
}

// encode gives a query's input as the JSON text that the server's transformer expects; undefined is no input.
func (m *module) encode(input sobek.Value, transformer string) (string, error) {
	if transformer == "superjson" {
		return m.superjson(input)
	}
	if input == nil || sobek.IsUndefined(input) {
		return "", nil
	}
	return m.stringify(input)
}

// stringify is JavaScript's own JSON.stringify: dates, undefined and lone surrogates come out as a browser sends them.
func (m *module) stringify(value sobek.Value) (string, error) {
	text, err := m.json("stringify", value)
	if err != nil {
		return "", err
	}
	if sobek.IsUndefined(text) {
		return "", errors.New("the input is a function or a symbol, which JSON can't carry")
	}
	return text.String(), nil
}

// json calls JSON.stringify or JSON.parse.
func (m *module) json(name string, argument sobek.Value) (sobek.Value, error) {
	rt := m.vu.Runtime()
	object := rt.Get("JSON").ToObject(rt)
	fn, ok := sobek.AssertFunction(object.Get(name))
	if !ok {
		return nil, fmt.Errorf("the script has replaced JSON.%s", name)
	}
	return fn(object, argument)
}

// decode makes a JavaScript value of a query's data.
func (m *module) decode(data json.RawMessage, o queryOptions) (sobek.Value, error) {
	if o.ResponseType == "none" {
		return sobek.Null(), nil
	}
	if len(data) == 0 {
		return sobek.Undefined(), nil
	}
	value, err := m.json("parse", m.vu.Runtime().ToValue(string(data)))
	if err == nil && o.Transformer == "superjson" {
		value, err = m.revive(value)
	}
	return value, err
}
