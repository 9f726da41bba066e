package sparkmotion

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

type queryOptions struct {
	URL          string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Transformer  string        `js:"transformer" env:"TRPC_TRANSFORMER"`
	ResponseType string        `js:"responseType" default:"json"`
	Timeout      time.Duration `js:"timeout" default:"60s" above:"0"`
}

// query runs one tRPC query with the session's cookie and returns its data. responseType "none" checks the answer but
// spares the VU the data (as k6's own), which is worth it for an export of 50,000 rows: then it returns null. It throws
// what the server answered, with code and status.
func (m *module) query(call sobek.FunctionCall) (any, error) {
	procedure := call.Argument(1).String()
	a, err := m.admin(call.Argument(0), procedure, call.Argument(3))
	if err != nil {
		return nil, err
	}
	input, err := a.codec.Encode(call.Argument(2))
	if err != nil {
		return nil, from(procedure, err)
	}
	var data json.RawMessage
	m.inSession(a.session, func(cookie string) (known bool) {
		data, err = a.trpc(cookie).Query(m.vu.Context(), trpc.Call{Procedure: procedure, Input: input})
		return !expired(err)
	})
	var value sobek.Value
	if err == nil {
		value, err = a.decode(data)
	}
	q := meter.Query{Procedures: procedure, Took: a.client.Took(), Count: 1}
	if err != nil {
		q.Failed = 1
	}
	m.meter.Query(q)
	return value, err
}

// batch runs several queries, [[procedure, input], …], in one request and returns an array with one entry a query:
// its data, or an Error with code and status. It throws when the request fails as a whole.
func (m *module) batch(call sobek.FunctionCall) (any, error) {
	calls, inputs, err := m.batched(call.Argument(1))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(calls))
	for i := range calls {
		names[i] = calls[i].Procedure
	}
	procedures := strings.Join(names, ",")
	a, err := m.admin(call.Argument(0), procedures, call.Argument(2))
	if err != nil {
		return nil, err
	}
	for i, input := range inputs {
		if input == nil {
			continue
		}
		if calls[i].Input, err = a.codec.Encode(input); err != nil {
			return nil, from(names[i], err)
		}
	}
	var results []trpc.Result
	m.inSession(a.session, func(cookie string) (known bool) {
		results, err = a.trpc(cookie).Batch(m.vu.Context(), calls)
		return !expired(err) && !slices.ContainsFunc(results, func(r trpc.Result) bool { return r.Err != nil && expired(r.Err) })
	})
	entries, failed, err := m.entries(a, results, err)
	if err != nil {
		m.meter.Query(meter.Query{Procedures: procedures, Took: a.client.Took(), Count: 1, Failed: 1})
		return nil, err
	}
	m.meter.Query(meter.Query{Procedures: procedures, Took: a.client.Took(), Count: len(results), Failed: failed})
	return m.vu.Runtime().NewArray(entries...), nil
}

// batched reads a batch's list: its calls, as yet without inputs, and the inputs; nil for none.
func (m *module) batched(list sobek.Value) ([]trpc.Call, []sobek.Value, error) {
	var queries [][]sobek.Value
	if common.IsNullish(list) || m.vu.Runtime().ExportTo(list, &queries) != nil || len(queries) == 0 {
		return nil, nil, errors.New("the second argument must be an array of queries: [[procedure, input]]")
	}
	calls, inputs := make([]trpc.Call, len(queries)), make([]sobek.Value, len(queries))
	for i, query := range queries {
		if len(query) == 0 || len(query) > 2 {
			return nil, nil, fmt.Errorf("entry %d must be [procedure] or [procedure, input]", i)
		}
		calls[i].Procedure = query[0].String()
		if len(query) == 2 {
			inputs[i] = query[1]
		}
	}
	return calls, inputs, nil
}

// entries are a batch's results as JavaScript values; failed is how many are errors.
func (m *module) entries(a *admin, results []trpc.Result, err error) (entries []any, failed int, _ error) {
	for _, result := range results {
		if result.Err != nil {
			entries, failed = append(entries, newError(m.vu.Runtime(), result.Err)), failed+1
			continue
		}
		value, wrong := a.decode(result.Data)
		if err == nil {
			err = wrong
		}
		entries = append(entries, value)
	}
	return entries, failed, err
}

// admin is how a call speaks with the admin application.
type admin struct {
	options queryOptions
	session session
	client  *vuhttp.Client
	codec   superjson.Codec
}

// admin reads a call's session and options.
func (m *module) admin(inSession sobek.Value, procedures string, given sobek.Value) (*admin, error) {
	var o queryOptions
	if err := m.settings.Read(given, &o); err != nil {
		return nil, err
	}
	if err := checkTransformer(o.Transformer); err != nil {
		return nil, err
	}
	if o.ResponseType != "json" && o.ResponseType != "none" {
		return nil, fmt.Errorf("responseType must be json or none, got %q", o.ResponseType)
	}
	s, err := m.sessionOf(inSession)
	if err != nil {
		return nil, err
	}
	c, err := m.client(strings.TrimSuffix(o.URL, "/")+"/api/trpc/"+procedures, o.Timeout)
	if err != nil {
		return nil, err
	}
	return &admin{o, s, c, superjson.Codec{Runtime: m.vu.Runtime(), Transformer: o.Transformer}}, nil
}

func (a *admin) trpc(cookie string) trpc.Client {
	return trpc.Client{Doer: a.client, URL: a.options.URL, Cookie: cookie}
}

// decode makes a JavaScript value of a query's data.
func (a *admin) decode(data json.RawMessage) (sobek.Value, error) {
	if a.options.ResponseType == "none" {
		return sobek.Null(), nil
	}
	return a.codec.Decode(data)
}

func checkTransformer(transformer string) error {
	if transformer != "" && transformer != superjson.Name {
		return fmt.Errorf("the option transformer, TRPC_TRANSFORMER, must be superjson or left out, got %q", transformer)
	}
	return nil
}

// expired reports whether err says that the server does not know the session.
func expired(err error) bool {
	return err != nil && properties(err)["status"] == http.StatusUnauthorized
}
