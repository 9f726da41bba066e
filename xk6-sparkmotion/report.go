package sparkmotion

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/grafana/sobek"
)

// summaryFile is where report leaves the run's data, below the folder that k6 runs in.
const summaryFile = "results/e2e-load-summary.json"

// report is for handleSummary: it writes k6's data to results/e2e-load-summary.json, making the folder when there is
// none, and returns undefined, on which k6 prints its own summary. Limits past their warning, which fail nothing, are
// logged, and so is a machine that was too slow for the run. The data that setup() returned is left out, also of
// --summary-export: it holds the session.
func (m *module) report(data sobek.Value) {
	object, ok := data.(*sobek.Object)
	if !ok {
		m.throw(errors.New("report: call it from handleSummary(data) with its data"))
	}
	if err := object.Delete("setup_data"); err != nil {
		m.throw(in("report", err))
	}
	if err := writeJSON(summaryFile, object); err != nil {
		m.throw(in("report", err))
	}
	for _, tier := range tiers {
		value, ok := valueOf(object, tier.metric, tier.value)
		if passes, isRate := valueOf(object, tier.metric, "passes"); isRate {
			fails, _ := valueOf(object, tier.metric, "fails")
			ok = passes+fails > 0 // a metric with a threshold is there without samples too
		}
		if ok && tier.warns(value) {
			m.logger().Warnf("%s: %s is %.4g, and should be %s", tier.metric, tier.value, value, tier.threshold(tier.warn))
		}
	}
	if limited, _ := valueOf(object, "generator_limited", "rate"); limited > maxLimited {
		m.logger().Warnf("This machine was too slow for the rate: %.0f %% of the time it started taps more than %s late. "+
			"Latencies and rates of this run are the generator's, not the system's: give it more cores, or less to do",
			100*limited, maxLag)
	}
}

// maxLimited is the share of late beats from which on a run says nothing of the system.
const maxLimited = 0.05

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
