package sparkmotion

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

func TestReport(t *testing.T) { // not parallel: it writes below the working directory
	t.Chdir(t.TempDir())
	p := vutest.New(t, New(), map[string]string{"WORKER_URL": "https://hush:hush@org.example:8443/hush?hush", "SCALE": "0.1"})
	s := p.Init()
	s.Run("var data = {metrics: {iterations: {count: 1}}, setup_data: {cookie: 'hush'}}; var result = sm.report(data)")
	vutest.Equal(t, "k6's data", s.Show("[data.metrics, 'setup_data' in data, data.capacity.schema, data.capacity.plateaus]"), "[{iterations:{count:1}},false,3,[]]")
	vutest.Equal(t, "for k6", s.Show("Object.keys(result)"), `["stdout"]`)
	said := s.Run("result.stdout").String()
	for file, want := range map[string]string{
		report.SummaryFile: `"schema": 3`, report.PageFile: "<!doctype html>", report.MarkdownFile: "NOT ENOUGH DATA",
	} {
		text, err := os.ReadFile(filepath.Join(report.Folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) || strings.Contains(string(text), "hush") {
			t.Errorf("%s is\n%s", file, text)
		}
		if !strings.Contains(said, file) {
			t.Errorf("%s is not in what is said:\n%s", file, said)
		}
	}
	latest, err := os.ReadFile(filepath.Join(report.Folder, report.Latest, report.SummaryFile))
	if last, _ := os.ReadFile(filepath.Join(report.Folder, report.SummaryFile)); err != nil || string(latest) != string(last) {
		t.Errorf("%v, or latest is not the last run's", err)
	}
	vutest.Equal(t, "no iteration, in k6's other form", s.Show("sm.report({results: {metrics: [{name: 'data_sent'}]}}).stdout.slice(0, 21)"), `"No iteration ran: the"`)
	vutest.Equal(t, "no iteration", s.Show("sm.report({metrics: {}})"), `{stdout:"No iteration ran: there is nothing to report, and results/ is unchanged.\n"}`)
	if head, _, _ := strings.Cut(said, "\n"); !strings.HasSuffix(head, " · org.example:8443 · SCALE 0.1 · 0 taps") {
		t.Errorf("the head is %s", head)
	}
	vutest.Equal(t, "without data", s.Fails("sm.report()"), "report: call it from handleSummary(data) with its data")
	if err := os.RemoveAll("results"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("results", nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	verdict, _, _ := strings.Cut(said, "\nThe report: ")
	vutest.Equal(t, "no place", s.Run("sm.report(data).stdout").String(), verdict)
	vutest.Equal(t, "the log", p.Log.LastEntry().Message, "report: mkdir results: not a directory. Something else than a folder has that name, such as "+
		"a file, or a link that leads nowhere: remove it, or write to another folder: the option dir of report(), or --out of k6 x sparkmotion merge")
}

// Options come behind k6's data, or alone, before there is any.
func TestReportOptions(t *testing.T) {
	t.Chdir(t.TempDir())
	s := vutest.New(t, New(), map[string]string{"LABEL": "PR 123"}).Init()
	s.Run("var data = {metrics: {iterations: {count: 1}}}")
	for how, call := range map[string]string{
		"behind": "sm.report(data, {name: 'soak', dir: 'behind', title: 'A <night>'})",
		"alone":  "sm.report({name: 'soak', dir: 'alone', title: 'A <night>'})(data)",
	} {
		s.Run("var said = " + call + ".stdout")
		head, _, _ := strings.Cut(s.Run("said").String(), "\n")
		if !strings.HasPrefix(head, "A <night> · PR 123 · ") {
			t.Errorf("%s: the head is %s", how, head)
		}
		vutest.Equal(t, how, s.Show("[data.capacity.run.name, data.capacity.run.label, data.capacity.run.title]"), `["soak","PR 123","A <night>"]`)
		folders, err := filepath.Glob(filepath.Join(how, "*Z-soak"))
		if err != nil || len(folders) != 1 {
			t.Fatalf("%s: %v %v", how, folders, err)
		}
		for file, want := range map[string]string{report.PageFile: "A &lt;night&gt;</span><span>PR 123<", report.MarkdownFile: "A &lt;night> · PR 123"} {
			if text, err := os.ReadFile(filepath.Join(folders[0], file)); err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s: %s lacks %s: %v", how, file, want, err)
			}
		}
	}
	for call, want := range map[string]string{
		"sm.report({label: 'soak'})":           `report: unknown option "label"; it takes dir, name, title`,
		"sm.report(data, {name: '../../etc'})": `report: option name becomes the name of a folder: use letters, digits, dots, - and _, such as "etc"`,
	} {
		vutest.Equal(t, call, s.Fails(call), want)
	}
	if _, err := os.Stat(report.Folder); err == nil {
		t.Error("it has left something in results/, too")
	}
}

// k6 tells extensions the script's folder; its name is among the arguments.
func TestScriptOf(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, file := range []string{"scripts/load.js", "scripts/conf.json", "other/load.ts", "full.tar"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here, err := filepath.Abs("scripts")
	if err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"run -e SCALE=0.1 scripts/load.js --config scripts/conf.json": "load.js",
		"run --vus 2 other/load.ts":                                   "",
		"run full.tar":                                                "full.tar",
		"run -":                                                       "",
		"run scripts/gone.js":                                         "",
	} {
		vutest.Equal(t, args, scriptOf(&url.URL{Scheme: "file", Path: filepath.ToSlash(here) + "/"}, strings.Fields(args)), want)
	}
	vutest.Equal(t, "nobody tells", scriptOf(nil, []string{"run", "scripts/load.js"}), "")
}

// Colours are for a terminal, and k6 knows of both.
func TestReportColours(t *testing.T) {
	t.Chdir(t.TempDir())
	s := vutest.New(t, New(), nil).Init()
	for state, want := range map[string]bool{
		"state: {isStdOutTTY: true}, options: {noColor: false}":  true,
		"state: {isStdOutTTY: true}, options: {noColor: true}":   false,
		"state: {isStdOutTTY: false}, options: {noColor: false}": false,
		"state: {}": false,
	} {
		if got := strings.Contains(s.Run("sm.report({metrics: {iterations: {}}, "+state+"}).stdout").String(), "\x1b["); got != want {
			t.Errorf("%s: colours %v", state, got)
		}
	}
}

// k6's exit code is its thresholds', and a report that says another thing says why.
func TestReportOnThresholds(t *testing.T) {
	t.Chdir(t.TempDir())
	s := vutest.New(t, New(), nil).Init()
	for holds, want := range map[string]bool{"true": false, "false": true} {
		said := s.Run("sm.report({metrics: {iterations: {}, checks: {values: {}, thresholds: {'rate>0.9': {ok: " + holds + "}}}}}).stdout").String()
		if got := strings.Contains(said, "k6 still fails the run, by its thresholds on checks."); got != want {
			t.Errorf("%v:\n%s", holds, said)
		}
	}
}

// What a script can't change, as --new-machine-readable-summary's, is copied.
func TestReportOfGo(t *testing.T) {
	t.Chdir(t.TempDir())
	s := vutest.New(t, New(), nil).Init()
	if err := s.VU.Runtime().Set("data", &struct{ Version string }{"1.0.0"}); err != nil {
		t.Fatal(err)
	}
	s.Run("sm.report(data)")
	text, err := os.ReadFile(filepath.Join(report.Folder, report.SummaryFile))
	if err != nil || !strings.Contains(string(text), "1.0.0") || !strings.Contains(string(text), `"schema": 3`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// k6 gives a segment whole virtual users, and as large a part of the iterations.
func TestShareOfRates(t *testing.T) {
	t.Parallel()
	ramping := func(most, preAllocated int64) *executor.RampingArrivalRateConfig {
		c := executor.NewRampingArrivalRateConfig("taps")
		c.MaxVUs, c.PreAllocatedVUs = null.NewInt(most, most > 0), null.IntFrom(preAllocated)
		return c
	}
	for _, c := range []struct {
		segments, sequence string
		scenario           *executor.RampingArrivalRateConfig
		want               []float64
	}{
		{"0:1", "", ramping(20, 10), []float64{1}},
		{"0:1/3,1/3:2/3,2/3:1", "0,1/3,2/3,1", ramping(20, 10), []float64{7. / 20, 7. / 20, 6. / 20}},
		{"0:1/3,1/3:2/3,2/3:1", "0,1/3,2/3,1", ramping(0, 10), []float64{4. / 10, 3. / 10, 3. / 10}},
		{"0:1/4,1/4:1", "0,1/4,1", ramping(2000, 500), []float64{1. / 4, 3. / 4}},
	} {
		for i, text := range strings.Split(c.segments, ",") {
			var options lib.Options
			segment, err := lib.NewExecutionSegmentFromString(text)
			if err != nil {
				t.Fatal(err)
			}
			options.ExecutionSegment = segment
			if c.sequence != "" {
				sequence, err := lib.NewExecutionSegmentSequenceFromString(c.sequence)
				if err != nil {
					t.Fatal(err)
				}
				options.ExecutionSegmentSequence = &sequence
			}
			if got := shareOfRates(c.scenario, options); got != c.want[i] {
				t.Errorf("%s of %s: got %v, want %v", text, c.segments, got, c.want[i])
			}
		}
	}
}

// Scenarios with plateaus are those whose stages hold a rate, whoever made them, in k6's order.
func TestShares(t *testing.T) {
	t.Parallel()
	root := New()
	s := vutest.New(t, root, nil).Init()
	var scenarios lib.ScenarioConfigs
	err := json.Unmarshal([]byte(s.Run(`
		const made = {executor: 'ramping-arrival-rate', preAllocatedVUs: 5, ...sm.plateaus({rates: [10, 20], hold: '1m', rampDown: '1s'})};
		JSON.stringify({
			taps: made, direct: {...made, stages: made.stages.slice(0, 3)}, early: {...made, startTime: '0s'}, late: {...made, startTime: '1s'},
			another: {...made, startRate: 5}, slower: {...made, timeUnit: '1m'}, shorter: {...made, stages: made.stages.slice(0, 2)},
			climbing: {...made, stages: [{duration: '5s', target: 20}, {duration: '5s', target: 0}]},
			warmed: {...made, stages: [{duration: '5s', target: 10}, ...made.stages]}, admins: {executor: 'constant-vus', duration: '1s'},
		})`).String()), &scenarios)
	if err != nil {
		t.Fatal(err)
	}
	shares, climbing := (&module{process: &root.process}).shares(lib.Options{Scenarios: scenarios})
	var names []string
	for _, share := range shares {
		names = append(names, share.Scenario)
	}
	vutest.Equal(t, "scenarios", strings.Join(names, " "), "another direct early shorter slower taps warmed late")
	vutest.Equal(t, "without plateaus", strings.Join(climbing, " "), "climbing")
}
