package sparkmotion

import (
	"errors"

	"github.com/grafana/sobek"
)

// attempt runs a request and returns its result, or undefined when a request of the module failed. That failure was counted, and the first of
// each kind in a process is logged. Any other error, such as a missing setting, is thrown.
func (m *module) attempt(call sobek.FunctionCall) (any, error) {
	request, ok := sobek.AssertFunction(call.Argument(0))
	if !ok {
		return nil, errors.New("the argument must be a function that makes a request: () => query(…)")
	}
	value, err := request(sobek.Undefined())
	thrown := (*sobek.Exception)(nil)
	switch {
	case err == nil:
		return value, nil
	case !errors.As(err, &thrown):
		panic(err) // the end of the run, which no script may catch
	}
	failed, ok := thrown.Value().(*sobek.Object)
	if !ok || failed.GetSymbol(kindOf) == nil {
		panic(thrown.Value()) // as it was thrown
	}
	m.tell(failed.GetSymbol(kindOf).String(), failed.Get("message").String)
	return sobek.Undefined(), nil
}

// kindOf is the property of a request's Error that holds its kind.
var kindOf = sobek.NewSymbol("k6/x/sparkmotion kind of failure")

// tell logs a failure if it is the first of its kind in the process.
func (m *module) tell(kind string, say func() string) {
	m.process.notices.once("failure "+kind, func() {
		m.logger().Warnf("%s (further %q failures are counted, not logged)", say(), kind)
	})
}

// failure is an error of a request that was sent.
type failure struct {
	error
	kind string // low in cardinality, as the report has it
}

func (f *failure) Unwrap() error { return f.error }

// counted adds the message of a counted failure to the report, and returns the failure with its kind.
func (m *module) counted(part, kind string, err error) error {
	return &failure{err, m.process.meter.Recorder.Failed(part, kind, err.Error)}
}
