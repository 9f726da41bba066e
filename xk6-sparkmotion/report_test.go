package sparkmotion

import (
	"os"
	"strings"
	"testing"
)

func TestReport(t *testing.T) { // not parallel: it writes below the working directory
	t.Chdir(t.TempDir())
	s := newProcess(t, nil).init()
	s.run("var data = {metrics: {taps: {count: 1}}, setup_data: {cookie: 'hush'}}; var result = sm.report(data)")
	equal(t, "k6's data", s.show("[data.metrics, 'setup_data' in data, data.capacity.schema, data.capacity.plateaus]"), "[{taps:{count:1}},false,1,[]]")
	equal(t, "for k6", s.show("Object.keys(result)"), `["stdout"]`)
	said := s.run("result.stdout").String()
	for file, want := range map[string]string{
		summaryFile: `"schema": 1`, pageFile: "<!doctype html>", markdownFile: "NOT ENOUGH DATA",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) || strings.Contains(string(text), "hush") {
			t.Errorf("%s is\n%s", file, text)
		}
		if !strings.Contains(said, strings.TrimPrefix(file, "results/")) {
			t.Errorf("%s is not in what is said:\n%s", file, said)
		}
	}
	equal(t, "without data", s.fails("sm.report()"), "report: call it from handleSummary(data) with its data")
	if err := os.RemoveAll("results"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("results", nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	equal(t, "no place", s.fails("sm.report(data)"), "report: mkdir results: not a directory")
}

// Colours are for a terminal, and k6 knows of both.
func TestReportColours(t *testing.T) {
	t.Chdir(t.TempDir())
	s := newProcess(t, nil).init()
	for state, want := range map[string]bool{
		"state: {isStdOutTTY: true}, options: {noColor: false}":  true,
		"state: {isStdOutTTY: true}, options: {noColor: true}":   false,
		"state: {isStdOutTTY: false}, options: {noColor: false}": false,
		"state: {}": false,
	} {
		if got := strings.Contains(s.run("sm.report({metrics: {}, "+state+"}).stdout").String(), "\x1b["); got != want {
			t.Errorf("%s: colours %v", state, got)
		}
	}
}

// k6's exit code is its thresholds', and a report that says another thing says why.
func TestReportOnThresholds(t *testing.T) {
	t.Chdir(t.TempDir())
	s := newProcess(t, nil).init()
	for holds, want := range map[string]bool{"true": false, "false": true} {
		said := s.run("sm.report({metrics: {checks: {values: {}, thresholds: {'rate>0.9': {ok: " + holds + "}}}}}).stdout").String()
		if got := strings.Contains(said, "k6 fails the run all the same, by its thresholds on checks."); got != want {
			t.Errorf("%v:\n%s", holds, said)
		}
	}
}

// What a script can't change, as --new-machine-readable-summary's, is copied.
func TestReportOfGo(t *testing.T) {
	t.Chdir(t.TempDir())
	s := newProcess(t, nil).init()
	if err := s.module.vu.Runtime().Set("data", &struct{ Version string }{"1.0.0"}); err != nil {
		t.Fatal(err)
	}
	s.run("sm.report(data)")
	text, err := os.ReadFile(summaryFile)
	if err != nil || !strings.Contains(string(text), "1.0.0") || !strings.Contains(string(text), `"schema": 1`) {
		t.Errorf("%v\n%s", err, text)
	}
}
