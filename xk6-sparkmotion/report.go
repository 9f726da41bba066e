package sparkmotion

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// summaryFile is where report leaves the run's data, below the folder that k6 runs in.
const summaryFile = "results/e2e-load-summary.json"

// report is for handleSummary: it judges the run, plateau by plateau, and writes results/e2e-load-summary.json (k6's data
// and the judgement), making the folder when there is none. It returns what k6 is to print, {stdout}. The data that setup()
// returned is left out, also of --summary-export: it holds the session.
func (m *module) report(data sobek.Value) sobek.Value {
	object, ok := data.(*sobek.Object)
	if !ok {
		m.throw(errors.New("report: call it from handleSummary(data) with its data"))
	}
	if err := object.Delete("setup_data"); err != nil {
		m.throw(in("report", err))
	}
	r := m.judge(object)
	if err := m.attach(object, r); err != nil {
		m.throw(in("report", err))
	}
	if err := writeJSON(summaryFile, object); err != nil {
		m.throw(in("report", err))
	}
	return m.object("stdout", strings.Join(r.Verdict, "\n"))
}

// judge makes the report of the run, by the limits of the script's thresholds and k6's own values of their metrics.
func (m *module) judge(data *sobek.Object) *capacity.Report {
	limits := capacity.Limits
	if own := m.run.limits.Load(); own != nil {
		limits = *own
	}
	share := 1.0
	if state := m.vu.State(); state != nil {
		share = state.Options.ExecutionSegment.FloatLength()
	}
	return capacity.Judge(m.run.recorder.Measured(share), limits, func(l capacity.Limit) (float64, bool) {
		return valueOf(data, l.Metric, l.Stat)
	})
}

// attach puts the report into k6's data as plain JavaScript, under the names that its JSON has.
func (m *module) attach(data *sobek.Object, r *capacity.Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	parsed, err := m.json("parse", m.vu.Runtime().ToValue(string(text)))
	if err != nil {
		return err
	}
	return data.Set("capacity", parsed)
}

// valueOf is one value of one metric of handleSummary's data, if the metric has it.
func valueOf(data *sobek.Object, metric, value string) (float64, bool) {
	var at sobek.Value = data
	for _, key := range []string{"metrics", metric, "values", value} {
		object, ok := at.(*sobek.Object)
		if !ok {
			return 0, false
		}
		at = object.Get(key)
	}
	if at == nil {
		return 0, false
	}
	return at.ToFloat(), true
}

func writeJSON(file string, object *sobek.Object) error {
	text, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, indented.Bytes(), 0o600)
}
