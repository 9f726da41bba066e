package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// fact is something known about how a report was made.
type fact struct{ Name, Text string }

const notMeasured = "not measured"

// provenance returns where a report's figures come from, for the foot of the page.
func provenance(r *capacity.Report) []fact {
	run := &r.Run
	facts := []fact{
		{"k6", cmp.Or(run.K6, "not known")},
		{"Extension", cmp.Or(run.Extension, "not known")},
		{"Script", cmp.Or(run.Script, run.Name, "not known")},
		{"Scales", fmt.Sprintf("SCALE %v, TIME_SCALE %v", cmp.Or(run.Scale, 1), cmp.Or(run.TimeScale, 1))},
		{"Limits", limitsFrom(r)},
	}
	for _, p := range r.Processes {
		name := "Generator"
		if len(r.Processes) > 1 {
			name += " " + p.Segment
		}
		facts = append(facts, fact{name, usage(p.Usage)})
	}
	return facts
}

// usage says what a process used of its machine.
func usage(u *capacity.Usage) string {
	if u == nil || u.Seconds <= 0 {
		return "cores, CPU and memory " + notMeasured
	}
	cores := "cores"
	if u.Cores == 1 {
		cores = "core"
	}
	return fmt.Sprintf("%d %s; %s s of CPU in %s s, %s cores on average; peak RSS %s",
		u.Cores, cores, units.Rate(u.CPU), units.Rate(u.Seconds), units.Rate(u.CPU/u.Seconds), units.Size(float64(u.PeakRSS)))
}

// limitsFrom says what set the limits, and lists those of the script.
func limitsFrom(r *capacity.Report) string {
	var own, dropped []string
	for _, m := range r.Metrics {
		if m.From == capacity.FromScript {
			own = append(own, fmt.Sprintf("%s (warns %s, fails %s)", m.Label, tier(m.Limit, m.Warn), tier(m.Limit, m.Fail)))
		}
	}
	for _, l := range capacity.Limits {
		if !slices.ContainsFunc(r.Metrics, func(m capacity.Judged) bool { return m.Label == l.Label }) {
			dropped = append(dropped, l.Label)
		}
	}
	said := "SparkMotion's defaults"
	if len(own) > 0 {
		said += "; the script's: " + strings.Join(own, ", ")
	}
	if len(dropped) > 0 {
		said += "; dropped by the script: " + strings.Join(dropped, ", ")
	}
	return said
}
