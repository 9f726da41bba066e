package sparkmotion

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
)

// Where report leaves its files, below the folder that k6 runs in.
const (
	resultsFolder = "results"
	summaryFile   = "e2e-load-summary.json"
	pageFile      = "e2e-load-report.html"
	markdownFile  = "e2e-load-report.md"
)

// report is for handleSummary: it judges the run, plateau by plateau, says it on the terminal, and writes it beside k6's data
// into the folder results, which it makes when there is none. It returns what k6 is to print, {stdout}. The data that
// setup() returned is left out, also of --summary-export: it holds the session. A run that ended in setup() leaves no files, so
// that it costs an earlier one nothing.
func (m *module) report(call sobek.FunctionCall) (any, error) {
	data, err := m.writable(call.Argument(0))
	if err != nil {
		return nil, err
	}
	if err := data.Delete("setup_data"); err != nil {
		return nil, err
	}
	r := m.judge(data)
	if known := at(data, "metrics"); known != nil && at(data, "metrics", "iterations") == nil && r.Whole.Empty() {
		return object(m.vu.Runtime(), "stdout", "No iteration was run: there is nothing to report, and "+resultsFolder+"/ is as it was.\n")
	}
	said, err := m.leave(data, r)
	switch {
	case said == "":
		return nil, err
	case err != nil: // the run is over: its verdict must not be lost with a file
		m.logger().Error(from("report", err))
	}
	return object(m.vu.Runtime(), "stdout", said)
}

// writable is k6's data; of --new-machine-readable-summary, which a script can't change, a copy. That one has its metrics
// elsewhere, so that the module's own counts are judged.
func (m *module) writable(data sobek.Value) (*sobek.Object, error) {
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
	parsed, err := superjson.Codec{Runtime: m.vu.Runtime()}.Parse(string(text))
	if err != nil {
		return nil, err
	}
	return parsed.ToObject(m.vu.Runtime()), nil
}

// leave leaves the report's files beside k6's data, and gives what is for the terminal.
func (m *module) leave(data *sobek.Object, r *capacity.Report) (string, error) {
	if err := m.attach(data, r); err != nil {
		return "", err
	}
	summary, err := data.MarshalJSON()
	if err != nil {
		return "", err
	}
	colours := is(at(data, "state", "isStdOutTTY")) && !is(at(data, "options", "noColor"))
	return write(resultsFolder, summary, r, m.head(data), colours)
}

// head is what tells this run's report from another's. Of WORKER_URL it is the host alone: the rest may hold a password.
func (m *module) head(data *sobek.Object) report.Run {
	var run report.Run
	if ms := at(data, "state", "testRunDurationMs"); ms != nil {
		run.Took = time.Duration(ms.ToFloat() * float64(time.Millisecond))
	}
	run.Began = time.Now().Add(-run.Took)
	if worker, err := url.Parse(m.settings.Environment("WORKER_URL")); err == nil {
		run.Host = worker.Host
	}
	if scale, err := strconv.ParseFloat(m.settings.Environment("SCALE"), 64); err == nil {
		run.Scale = scale
	}
	return run
}

// write leaves a report's files in a folder, and gives what is for the terminal, also when a file can't be written.
func write(folder string, summary []byte, r *capacity.Report, run report.Run, colours bool) (string, error) {
	var file, page, markdown, terminal bytes.Buffer
	err := errors.Join(
		json.Indent(&file, summary, "", "  "),
		report.HTML(&page, r, run),
		report.Markdown(&markdown, r, run),
		report.Terminal(&terminal, r, run, colours),
	)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return terminal.String(), err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, summaryFile), file.Bytes(), 0o600),
		os.WriteFile(filepath.Join(folder, pageFile), page.Bytes(), 0o600),
		os.WriteFile(filepath.Join(folder, markdownFile), markdown.Bytes(), 0o600),
	)
	if err == nil {
		fmt.Fprintf(&terminal, "\nThe report: %s, %s; all data: %s\n", filepath.Join(folder, pageFile), markdownFile, summaryFile)
	}
	return terminal.String(), err
}

// judge makes the report of the run, by the limits of the script's thresholds and k6's own values of their metrics.
func (m *module) judge(data *sobek.Object) *capacity.Report {
	limits := capacity.Limits
	if own := m.process.limits.Load(); own != nil {
		limits = *own
	}
	var options lib.Options
	if state := m.vu.State(); state != nil {
		options = state.Options
	}
	measured := m.process.meter.Recorder.Measured(options.ExecutionSegment.String(), shareOfRates(options))
	r := capacity.Judge(measured, limits, func(l capacity.Limit) (float64, bool) {
		value := at(data, "metrics", l.Metric, "values", l.Stat)
		if value == nil {
			return 0, false
		}
		return value.ToFloat(), true
	})
	if all, ok := at(data, "metrics").(*sobek.Object); ok {
		r.Thresholds(crossed(all))
	}
	return r
}

// crossed are the metrics with a threshold of k6's that did not hold.
func crossed(all *sobek.Object) []string {
	var crossed []string
	for _, metric := range all.Keys() {
		thresholds, ok := at(all, metric, "thresholds").(*sobek.Object)
		if ok && slices.ContainsFunc(thresholds.Keys(), func(key string) bool { return !is(at(thresholds, key, "ok")) }) {
			crossed = append(crossed, metric)
		}
	}
	slices.Sort(crossed)
	return crossed
}

// shareOfRates is this process's of the arrival rates, by its execution segment. k6 cuts a scenario's iterations as it cuts the
// virtual users that it may have, which are whole: of 20, a third are 7 or 6, and so many twentieths of the iterations.
func shareOfRates(options lib.Options) float64 {
	tuple, err := lib.NewExecutionTuple(options.ExecutionSegment, options.ExecutionSegmentSequence)
	for _, scenario := range options.Scenarios.GetSortedConfigs() {
		if ramping, ok := scenario.(*executor.RampingArrivalRateConfig); ok && err == nil {
			most := max(ramping.MaxVUs.Int64, ramping.PreAllocatedVUs.Int64)
			return float64(tuple.ScaleInt64(most)) / float64(most)
		}
	}
	return options.ExecutionSegment.FloatLength()
}

// attach puts the report into k6's data as plain JavaScript, under the names that its JSON has.
func (m *module) attach(data *sobek.Object, r *capacity.Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	parsed, err := superjson.Codec{Runtime: m.vu.Runtime()}.Parse(string(text))
	if err != nil {
		return err
	}
	return data.Set("capacity", parsed)
}

// at follows keys into k6's data; nil when one of them is missing.
func at(data *sobek.Object, keys ...string) sobek.Value {
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

func is(value sobek.Value) bool { return value != nil && value.ToBoolean() }
