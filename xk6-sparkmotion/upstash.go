package sparkmotion

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

type upstashOptions struct {
	URL     string        `js:"url" env:"UPSTASH_REDIS_REST_URL" need:"true" form:"url"`
	Token   string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" need:"true" secret:"true"`
	Timeout time.Duration `js:"timeout" default:"60s" above:"0"`
}

// database is the object that `new Upstash()` returns: a database's REST API.
type database struct {
	m       *module
	options upstashOptions
}

// newUpstash is the constructor Upstash(options?). Results have the types that the server sent: null, strings,
// numbers, BigInt for integers beyond 2^53, and arrays of these. An error that Redis returns for a command is an Error.
func (m *module) newUpstash(call sobek.ConstructorCall) *sobek.Object {
	rt := m.vu.Runtime()
	d := &database{m: m}
	if err := m.settings.Read(call.Argument(0), &d.options); err != nil {
		panic(newError(rt, from("Upstash", err)))
	}
	for name, method := range map[string]primitive{
		"command": d.command, "pipeline": d.pipeline, "transaction": d.transaction,
	} {
		if err := call.This.Set(name, throwing(rt, "Upstash."+name, method)); err != nil {
			panic(newError(rt, from("Upstash", err)))
		}
	}
	return nil // the constructor's own object
}

// command runs one command, such as ["LLEN", "key"], and returns its result. It throws the error that Redis returns.
func (d *database) command(call sobek.FunctionCall) (any, error) {
	var command []any
	if err := d.read(call.Argument(0), &command, "a command: ['LLEN', 'key']"); err != nil {
		return nil, err
	}
	c, err := d.client()
	if err != nil {
		return nil, err
	}
	value, err := d.rest(c).Do(d.m.vu.Context(), command)
	d.m.meter.UpstashRequest(c.Took())
	return exact(value), d.failed(c, err)
}

// pipeline runs commands in order in one request and returns an array of their results.
func (d *database) pipeline(call sobek.FunctionCall) (any, error) {
	return d.several(upstash.Client.Pipeline, call.Argument(0))
}

// transaction runs commands atomically and returns an array of their results.
func (d *database) transaction(call sobek.FunctionCall) (any, error) {
	return d.several(upstash.Client.Transaction, call.Argument(0))
}

func (d *database) several(
	run func(upstash.Client, context.Context, []upstash.Command) ([]upstash.Result, error), given sobek.Value,
) (any, error) {
	var commands []upstash.Command
	if err := d.read(given, &commands, "an array of commands: [['LLEN', 'key']]"); err != nil {
		return nil, err
	}
	c, err := d.client()
	if err != nil {
		return nil, err
	}
	results, err := run(d.rest(c), d.m.vu.Context(), commands)
	d.m.meter.UpstashRequest(c.Took())
	if err != nil {
		return nil, d.failed(c, err)
	}
	values := make([]any, len(results))
	for i, result := range results {
		if result.Err != nil {
			values[i] = newError(d.m.vu.Runtime(), result.Err)
		} else {
			values[i] = exact(result.Value)
		}
	}
	return d.m.vu.Runtime().NewArray(values...), nil
}

// failed returns a request's error with its kind, for attempt.
func (d *database) failed(c *vuhttp.Client, err error) error {
	if err == nil || c.Took() == 0 || d.m.vu.Context().Err() != nil {
		return err
	}
	return &failure{err, failureOf("Upstash", err)}
}

// read converts a call's argument.
func (d *database) read(given sobek.Value, into any, wanted string) error {
	if common.IsNullish(given) || d.m.vu.Runtime().ExportTo(given, into) != nil {
		return fmt.Errorf("the argument must be %s", wanted) // not what it is: it may hold a secret
	}
	return nil
}

func (d *database) client() (*vuhttp.Client, error) {
	return d.m.client(d.options.URL, d.options.Timeout)
}

func (d *database) rest(c *vuhttp.Client) upstash.Client {
	return upstash.Client{Doer: c, URL: d.options.URL, Token: d.options.Token}
}

// exact converts integers that a JavaScript number would round to BigInt.
func exact(value any) any {
	switch v := value.(type) {
	case int64:
		if v > settings.MaxSafe || v < -settings.MaxSafe {
			return big.NewInt(v)
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	}
	return value
}
