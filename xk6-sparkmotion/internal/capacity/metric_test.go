package capacity

import "testing"

// Each row has a label of its own and a unit, and shares neither its k6 selector nor its limits with another.
func TestMetrics(t *testing.T) {
	t.Parallel()
	type selector struct{ metric, stat string }
	labels, selectors, limited := map[string]bool{}, map[selector]bool{}, map[string]bool{}
	for _, m := range Metrics {
		s := selector{m.Metric, m.Stat}
		if m.Label == "" || labels[m.Label] || m.Metric != "" && selectors[s] || m.limited() && limited[m.Metric] {
			t.Errorf("%+v is there twice", m.Limit)
		}
		labels[m.Label], selectors[s], limited[m.Metric] = true, true, limited[m.Metric] || m.limited()
		if m.Unit == "" || m.measure == nil || (m.Metric == "") != (m.Stat == "") {
			t.Errorf("%+v lacks something", m.Limit)
		}
		if m.limited() && (m.Metric == "" || m.Fail == 0 || m.Above && m.Warn == 0) {
			t.Errorf("%+v has half of a limit", m.Limit)
		}
		if m.sure != nil && m.Matters == (Matters{}) {
			t.Errorf("%s: any change matters", m.Label)
		}
		if (m.Column.Table == 0) != (m.Column.Head == "") {
			t.Errorf("%s: half of a column", m.Label)
		}
	}
}

// Without events nothing is measured, in a run or in a plateau.
func TestNothingIsMeasured(t *testing.T) {
	t.Parallel()
	for _, m := range Metrics {
		if f := m.Over(&Measured{}); m.Metric != "" && f != (Figure{}) {
			t.Errorf("%s: %+v", m.Label, f)
		}
	}
}
