package sparkmotion

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
)

type reportOptions struct {
	Name  string `js:"name"`
	Dir   string `js:"dir" default:"results"`
	Title string `js:"title"`
}

// report, in handleSummary, judges the run plateau by plateau, and writes the verdict, with k6's data, into the folder results, which it
// creates if needed. It returns what k6 prints, {stdout}. It leaves out setup()'s data, also from --summary-export, because that holds the
// session. A run that ended in setup() leaves no files, so that an earlier run's stay. Called with only options, it returns such a function.
func (m *module) report(call sobek.FunctionCall) (any, error) {
	if given := call.Argument(0); !isData(given) {
		o, err := m.reportOptions(given)
		if err != nil {
			return nil, err
		}
		return throwing(m.vu.Runtime(), "report", func(call sobek.FunctionCall) (any, error) { return m.reportOn(call.Argument(0), o) }), nil
	}
	o, err := m.reportOptions(call.Argument(1))
	if err != nil {
		return nil, err
	}
	return m.reportOn(call.Argument(0), o)
}

// isData reports whether a value is k6's data, in either of its forms, or can't be options.
func isData(given sobek.Value) bool {
	object, ok := given.(*sobek.Object)
	return !ok || object.ExportType().Kind() != reflect.Map || object.Get("metrics") != nil || object.Get("results") != nil
}

// reportOptions reads report's options. Their name must be valid for a folder on any system.
func (m *module) reportOptions(given sobek.Value) (o reportOptions, err error) {
	if err := m.settings.Read(given, &o); err != nil {
		return o, err
	}
	if name := report.Name(o.Name); name != o.Name {
		return o, fmt.Errorf("option name becomes the name of a folder: use letters, digits, dots, - and _, such as %q", cmp.Or(name, "soak"))
	}
	return o, nil
}

// reportOn reports on k6's data.
func (m *module) reportOn(given sobek.Value, o reportOptions) (any, error) {
	rt := m.vu.Runtime()
	data, err := writable(rt, given)
	if err != nil {
		return nil, err
	}
	if err := data.Delete("setup_data"); err != nil {
		return nil, err
	}
	r := m.judge(data, o)
	if noIteration(data) && r.Whole.Empty() {
		return object(rt, "stdout", "No iteration ran: there is nothing to report, and "+o.Dir+"/ is unchanged.\n")
	}
	if r.Search == nil { // which has told of each probe
		m.tellRest(r)
	}
	said, err := m.leave(data, r, o.Dir)
	switch {
	case said == "":
		return nil, err
	case err != nil: // the run is over: its verdict must not be lost with a file
		m.logger().Error(from("report", err))
	}
	return object(rt, "stdout", said)
}

// noIteration reports whether k6 counted no iteration. With --new-machine-readable-summary, its data has a list of metrics.
func noIteration(data *sobek.Object) bool {
	if listed, ok := k6Data(data, "results", "metrics").(*sobek.Object); ok {
		return !slices.ContainsFunc(listed.Keys(), func(i string) bool {
			name := k6Data(listed, i, "name")
			return name != nil && name.String() == "iterations"
		})
	}
	return k6Data(data, "metrics") != nil && k6Data(data, "metrics", "iterations") == nil
}

// writable returns k6's data, or a copy with --new-machine-readable-summary, which a script can't change. That form has its metrics elsewhere,
// so the module's own counts are judged.
func writable(rt *sobek.Runtime, data sobek.Value) (*sobek.Object, error) {
	object, ok := data.(*sobek.Object)
	if !ok {
		return nil, errors.New("call it from handleSummary(data) with its data")
	}
	if object.ExportType().Kind() == reflect.Map {
		return object, nil
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	parsed, err := superjson.Codec{Runtime: rt}.Parse(string(text))
	if err != nil {
		return nil, err
	}
	return parsed.ToObject(rt), nil
}

// leave writes the report's files with k6's data, and returns the text for the terminal.
func (m *module) leave(data *sobek.Object, r *capacity.Report, folder string) (string, error) {
	if err := attach(m.vu.Runtime(), data, r); err != nil {
		return "", err
	}
	summary, err := data.MarshalJSON()
	if err != nil {
		return "", err
	}
	colours := isTrue(k6Data(data, "state", "isStdOutTTY")) && !isTrue(k6Data(data, "options", "noColor"))
	var audited []byte
	if text := m.process.audited.Load(); text != nil {
		audited = *text
	}
	return report.Write(folder, summary, audited, r, colours)
}

// judge makes the report of the run, by the limits of the script's thresholds and k6's own judgement.
func (m *module) judge(data *sobek.Object, o reportOptions) *capacity.Report {
	measured := m.measured(data)
	measured.Run = m.run(data, o)
	measured.Processes[0].Usage = meter.Usage()
	return capacity.Judge(measured, m.limits(), k6Says(data))
}

// limits returns the limits of the script's thresholds.
func (m *module) limits() []capacity.Limit {
	if own := m.process.limits.Load(); own != nil {
		return *own
	}
	return capacity.Limits
}

// k6Says returns k6's own judgement, or nil if its data has no metrics.
func k6Says(data *sobek.Object) *capacity.K6 {
	all, ok := k6Data(data, "metrics").(*sobek.Object)
	if !ok {
		return nil
	}
	return &capacity.K6{Crossed: crossed(all), Value: func(l capacity.Limit) (float64, bool) {
		value := k6Data(all, l.Metric, "values", l.Stat)
		if value == nil {
			return 0, false
		}
		return value.ToFloat(), true
	}}
}

// crossed returns the metrics with a crossed k6 threshold.
func crossed(all *sobek.Object) []string {
	var crossed []string
	for _, metric := range all.Keys() {
		thresholds, ok := k6Data(all, metric, "thresholds").(*sobek.Object)
		if ok && slices.ContainsFunc(thresholds.Keys(), func(key string) bool { return !isTrue(k6Data(thresholds, key, "ok")) }) {
			crossed = append(crossed, metric)
		}
	}
	slices.Sort(crossed)
	return crossed
}

// attach puts the report into k6's data as plain JavaScript, with the names of its JSON.
func attach(rt *sobek.Runtime, data *sobek.Object, r *capacity.Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	parsed, err := superjson.Codec{Runtime: rt}.Parse(string(text))
	if err != nil {
		return err
	}
	return data.Set("capacity", parsed)
}

// k6Data follows keys into k6's data, and returns nil when one is missing.
func k6Data(data *sobek.Object, keys ...string) sobek.Value {
	var value sobek.Value = data
	for _, key := range keys {
		object, ok := value.(*sobek.Object)
		if !ok {
			return nil
		}
		value = object.Get(key)
	}
	return value
}

func isTrue(value sobek.Value) bool { return value != nil && value.ToBoolean() }
