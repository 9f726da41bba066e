package sparkmotion

import (
	"os"
	"testing"
)

func TestReport(t *testing.T) { // not parallel: it writes below the working directory
	t.Chdir(t.TempDir())
	s := newProcess(t, nil).init()
	s.run("var data = {metrics: {taps: {count: 1}}, setup_data: {cookie: 'hush'}}; sm.report(data)")
	text, err := os.ReadFile(summaryFile)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "file", string(text), "{\n  \"metrics\": {\n    \"taps\": {\n      \"count\": 1\n    }\n  }\n}")
	equal(t, "data for k6's own exports", s.show("data"), "{metrics:{taps:{count:1}}}")
	equal(t, "without data", s.fails("sm.report()"), "report: call it from handleSummary(data) with its data")
	if err := os.RemoveAll("results"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("results", nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	equal(t, "no place", s.fails("sm.report(data)"), "report: mkdir results: not a directory")
}
