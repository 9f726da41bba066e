package sparkmotion

import (
	"errors"

	"github.com/grafana/sobek"
)

// attempt runs a request and returns what it gives. What a request of the module failed with is not thrown: it was counted, the first of
// each kind in a process is logged, and undefined is returned. Anything else that is thrown, such as a missing setting, stays so.
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

// kindOf is the property that an Error of a request has its kind in.
var kindOf = sobek.NewSymbol("k6/x/sparkmotion kind of failure")

// tell logs a failure, when it is the first of its kind in the process.
func (m *module) tell(kind string, say func() string) {
	m.process.notices.once("failure "+kind, func() {
		m.logger().Warnf("%s (the first of kind %q: further ones are counted, not logged)", say(), kind)
	})
}

// failure is an error of a request that was sent.
type failure struct {
	error
	kind string // low in cardinality, as the report has it
}

func (f *failure) Unwrap() error { return f.error }

// counted has the report show what a failure that was counted says, and returns it with its kind.
func (m *module) counted(part, kind string, err error) error {
	return &failure{err, m.process.meter.Recorder.Failed(part, kind, err.Error)}
}
