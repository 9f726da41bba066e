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
