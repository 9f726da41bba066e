package sparkmotion

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

type upstashOptions struct {
	URL     string        `js:"url" env:"UPSTASH_REDIS_REST_URL" need:"true" form:"url"`
	Token   string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" need:"true" secret:"true"`
	Timeout time.Duration `js:"timeout" default:"60s"`
}

// upstashObject is what `new Upstash()` gives: a database's REST API.
type upstashObject struct {
	m       *module
	options upstashOptions
}

// newUpstash is the constructor Upstash(options?). Results have the types that the server sent: null, strings,
// numbers, BigInt for integers beyond 2^53, and arrays of these; an error that Redis answered to a command is an Error.
func (m *module) newUpstash(call sobek.ConstructorCall) *sobek.Object {
	u := &upstashObject{m: m}
	if err := m.options("Upstash", call.Argument(0), &u.options); err != nil {
		m.throw(err)
	}
	for name, method := range map[string]any{
		"command": u.command, "pipeline": u.pipeline, "transaction": u.transaction,
	} {
		if err := call.This.Set(name, method); err != nil {
			m.throw(err)
		}
	}
	return nil // the constructor's own object
}

// command runs one command, as ["LLEN", "key"], and returns its result. It throws the error that Redis answered.
func (u *upstashObject) command(given sobek.Value) sobek.Value {
	var command []any
	u.read("Upstash.command", given, &command, "a command: ['LLEN', 'key']")
	c, http := u.client()
	value, err := c.Do(u.m.context(), command)
	u.m.emitTook(u.m.metrics.upstashLatency, http.took)
	if err != nil {
		u.m.throw(in("Upstash.command", err))
	}
	return u.m.vu.Runtime().ToValue(exact(value))
}

// pipeline runs commands in order in one request and returns an array of their results.
func (u *upstashObject) pipeline(commands sobek.Value) sobek.Value {
	return u.several("Upstash.pipeline", upstash.Client.Pipeline, commands)
}

// transaction runs commands atomically and returns an array of their results.
func (u *upstashObject) transaction(commands sobek.Value) sobek.Value {
	return u.several("Upstash.transaction", upstash.Client.Transaction, commands)
}

func (u *upstashObject) several(
	call string,
	run func(upstash.Client, context.Context, []upstash.Command) ([]upstash.Result, error),
	given sobek.Value,
) sobek.Value {
	var commands []upstash.Command
	u.read(call, given, &commands, "an array of commands: [['LLEN', 'key']]")
	c, http := u.client()
	results, err := run(c, u.m.context(), commands)
	u.m.emitTook(u.m.metrics.upstashLatency, http.took)
	if err != nil {
		u.m.throw(in(call, err))
	}
	values := make([]any, len(results))
	for i, result := range results {
		if result.Err != nil {
			values[i] = u.m.newError(result.Err)
		} else {
			values[i] = exact(result.Value)
		}
	}
	return u.m.vu.Runtime().NewArray(values...)
}

// read converts a call's argument.
func (u *upstashObject) read(call string, given sobek.Value, into any, wanted string) {
	if common.IsNullish(given) || u.m.vu.Runtime().ExportTo(given, into) != nil {
		u.m.throw(fmt.Errorf("%s: the argument must be %s", call, wanted)) // not what it is: it may hold a secret
	}
}

func (u *upstashObject) client() (upstash.Client, *client) {
	c, err := u.m.client(u.options.URL, u.options.Timeout)
	if err != nil {
		u.m.throw(fmt.Errorf("Upstash: %w", err))
	}
	return upstash.Client{Doer: c, URL: u.options.URL, Token: u.options.Token}, c
}

// maxSafe is Number.MAX_SAFE_INTEGER.
const maxSafe = 1<<53 - 1

// exact turns integers that a JavaScript number would round into BigInt.
func exact(value any) any {
	switch v := value.(type) {
	case int64:
		if v > maxSafe || v < -maxSafe {
			return big.NewInt(v)
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	}
	return value
}
