package sparkmotion

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

type queryOptions struct {
	URL          string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Transformer  string        `js:"transformer" env:"TRPC_TRANSFORMER"`
	ResponseType string        `js:"responseType" default:"json"`
	Timeout      time.Duration `js:"timeout" default:"60s" above:"0"`
}

// query runs one tRPC query with the session's cookie and returns its data. With responseType "none" it only
// checks the answer and returns null, as k6's own does, which saves much for an export of 50,000 rows. It throws the server's error, with
// code and status.
func (m *module) query(call sobek.FunctionCall) (any, error) { return m.callOne(call, false) }

// mutate runs one tRPC mutation with the session's cookie and returns its data. It counts like a query.
func (m *module) mutate(call sobek.FunctionCall) (any, error) { return m.callOne(call, true) }

// callOne runs a query or a mutation.
func (m *module) callOne(call sobek.FunctionCall, mutation bool) (any, error) {
	procedure := call.Argument(1).String()
	a, err := m.admin(call.Argument(0), procedure, call.Argument(3))
	if err != nil {
		return nil, err
	}
	result, err := a.one(procedure, call.Argument(2), mutation)
	var value sobek.Value
	if err == nil {
		value, err = a.decode(result.Data)
	}
	q := meter.Query{Procedures: procedure, Took: a.client.Took(), Count: 1, Bytes: len(result.Data)}
	if err != nil {
		q.Failures = []string{failureOf(procedure, err)}
	} else if rows, list := trpc.Rows(result.Data); list {
		q.Rows = rows
	}
	if m.meter.Query(q) && err != nil {
		err = m.counted(capacity.Admin, q.Failures[0], err)
	}
	return value, err
}

// batch runs several queries, [[procedure, input], …], in one request and returns an array with one entry per query:
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
	results, err := a.several(calls, inputs)
	q := meter.Query{Procedures: procedures, Took: a.client.Took(), Count: len(results)}
	var entries []any
	for _, result := range results {
		if result.Err != nil {
			kind := failureOf(result.Err.Procedure, result.Err)
			q.Failures = append(q.Failures, kind)
			entries = append(entries, newError(m.vu.Runtime(), m.counted(capacity.Admin, kind, result.Err)))
			continue
		}
		value, wrong := a.decode(result.Data)
		err = errors.Join(err, wrong)
		q.Bytes += len(result.Data)
		entries = append(entries, value)
	}
	if err != nil {
		q.Count, q.Failures = 1, []string{failureOf(procedures, err)}
	}
	counted := m.meter.Query(q)
	switch {
	case err != nil && counted:
		return nil, m.counted(capacity.Admin, q.Failures[0], err)
	case err != nil:
		return nil, err
	}
	return m.vu.Runtime().NewArray(entries...), nil
}

// batched reads a batch's list: its calls, still without inputs, and the inputs, nil for none.
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

// failureOf returns the kind of a query's failure, low in cardinality: the procedure, and the code or status of the answer.
func failureOf(procedure string, err error) string {
	var (
		refused *trpc.Error
		redis   *upstash.Error
		wrong   *answer.Error
	)
	switch {
	case errors.As(err, &refused):
		return refused.Procedure + ": " + refused.Code
	case errors.As(err, &redis):
		kind, _, _ := strings.Cut(redis.Message, " ")
		return procedure + ": " + kind
	case errors.As(err, &wrong) && wrong.Status == http.StatusOK:
		return procedure + ": an answer of another kind"
	case errors.As(err, &wrong) && wrong.Status != 0:
		return fmt.Sprintf("%s: status %d", procedure, wrong.Status)
	case errors.As(err, &wrong):
		return procedure + ": no answer"
	}
	return procedure + ": data that can't be read"
}

// expired reports whether err says that the server didn't accept the session.
func expired(err error) bool {
	return err != nil && properties(err)["status"] == http.StatusUnauthorized
}

// anyExpired reports whether a result says that the server didn't accept the session.
func anyExpired(results []trpc.Result) bool {
	return slices.ContainsFunc(results, func(r trpc.Result) bool { return r.Err != nil && expired(r.Err) })
}
