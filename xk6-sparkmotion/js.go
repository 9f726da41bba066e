package sparkmotion

import (
	"errors"
	"fmt"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// primitive is a function of the module: it reads its arguments, does its work, and returns a value for JavaScript.
type primitive func(sobek.FunctionCall) (any, error)

// fatal is an error that makes the run pointless: it ends the run, like exec.test.abort().
type fatal struct{ error }

// throwing converts a primitive to a JavaScript function. All errors are thrown here, with the primitive's name.
func throwing(rt *sobek.Runtime, name string, call primitive) func(sobek.FunctionCall) sobek.Value {
	return func(arguments sobek.FunctionCall) sobek.Value {
		value, err := call(arguments)
		if ends := (fatal{}); errors.As(err, &ends) {
			rt.Interrupt(&errext.InterruptError{Reason: errext.AbortTest + ": " + from(name, err).Error()})
			return sobek.Undefined()
		}
		if err != nil {
			panic(newError(rt, from(name, err)))
		}
		return rt.ToValue(value)
	}
}

// from adds the primitive's name to an error.
func from(name string, err error) error {
	if missing := (*settings.MissingError)(nil); errors.As(err, &missing) {
		return fmt.Errorf("%s %w", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// newError converts err to a JavaScript Error, with properties such as code and status.
func newError(rt *sobek.Runtime, err error) *sobek.Object {
	e, failed := rt.New(rt.Get("Error"), rt.ToValue(err.Error()))
	if failed != nil {
		common.Throw(rt, failed)
	}
	for name, value := range properties(err) {
		if failed := e.Set(name, value); failed != nil {
			common.Throw(rt, failed)
		}
	}
	if request := (*failure)(nil); errors.As(err, &request) {
		if failed := e.SetSymbol(kindOf, rt.ToValue(request.kind)); failed != nil {
			common.Throw(rt, failed)
		}
	}
	return e
}

// properties returns what a script may need from an error besides its text.
func properties(err error) map[string]any {
	var (
		fromTRPC  *trpc.Error
		fromRedis *upstash.Error
		wrong     *answer.Error
	)
	switch {
	case errors.As(err, &fromTRPC):
		return map[string]any{"code": fromTRPC.Code, "status": fromTRPC.Status, "procedure": fromTRPC.Procedure}
	case errors.As(err, &fromRedis):
		return map[string]any{"command": fromRedis.Command}
	case errors.As(err, &wrong):
		return map[string]any{"status": wrong.Status}
	}
	return nil
}

// object returns a plain JavaScript object with the given name, value pairs, in order.
func object(rt *sobek.Runtime, pairs ...any) (*sobek.Object, error) {
	o := rt.NewObject()
	for i := 0; i < len(pairs); i += 2 {
		if err := o.Set(pairs[i].(string), pairs[i+1]); err != nil { // #nosec G602 -- literals, in pairs
			return nil, err
		}
	}
	return o, nil
}

// errInit is thrown by functions that need a VU: as in k6's own modules, the init context has no network.
var errInit = errors.New("requests can't be made in the init context: call it from setup() or a scenario's function")

// client returns a client for the requests of one call. Their tags name and url are name.
func (m *module) client(name string, timeout time.Duration) (*vuhttp.Client, error) {
	state := m.vu.State()
	if state == nil {
		return nil, errInit
	}
	if state.Options.HTTPDebug.String != "" {
		m.process.notices.once("http-debug", func() {
			m.logger().Warn("--http-debug shows taps only: the other requests of k6/x/sparkmotion carry secrets")
		})
	}
	return &vuhttp.Client{State: state, Name: vuhttp.Clean(name), Timeout: timeout, Answered: &m.process.answered}, nil
}
