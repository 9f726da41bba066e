package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
)

// past leaves a run in a folder of its own, and as the last one's, as report() does.
func past(t *testing.T, folder, of, label string, began time.Time) {
	t.Helper()
	r := reportIn(t, of)
	r.Run = capacity.Run{Name: "load", Label: label, Began: &began, Seconds: 240}
	text, err := json.Marshal(map[string]any{"capacity": r})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Write(folder, text, nil, r, false); err != nil {
		t.Fatal(err)
	}
}

// A trend has each run once, by its start, and names what is none.
func TestTrendCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := time.Date(2026, 6, 12, 20, 30, 0, 0, time.UTC)
	past(t, dir, runAfter, "the <fix>", day.Add(time.Hour))
	past(t, dir, runBefore, "", day)
	before, err := os.ReadFile(filepath.Join(dir, report.Latest, report.SummaryFile))
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"broken.json":                    string(before[:len(before)/2]),
		"foreign.json":                   `{"metrics": {}}`,
		"copy.json":                      string(before),
		"part.json":                      strings.Replace(string(before), `"segment": "0:1"`, `"segment": "0:1/3"`, 1),
		"notes.txt":                      "not looked at",
		"e2e-load-summary.schema.json":   `{"title": "not looked at"}`,
		"empty/notes.txt":                "not looked at",
		"other/" + report.SummaryFile:    "[]",
		"old.json":                       strings.Replace(string(before), `"schema": 3`, `"schema": 2`, 1),
		"distributed/1/results/run.json": "not looked at",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := runCommand(false, false, "trend", dir)
	if err != nil {
		t.Fatal(err)
	}
	first, second := strings.Index(said, "2026-06-12 20:30:00  load"), strings.Index(said, "2026-06-12 21:30:00  the <fix>")
	if first < 0 || second < first || strings.Count(said, "20:30:00  load") != 1 {
		t.Errorf("the runs are at %d and %d", first, second)
	}
	page, err := os.ReadFile(filepath.Join(dir, report.TrendFile))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(said), " ")
	for file, why := range map[string]string{
		"broken.json": "not a run's summary in JSON: unexpected EOF", "foreign.json": "it has no capacity: ", "part.json": "the part 0:1/3 of a run: ",
		"copy.json": "the same run as 20260612T203000Z-load/", "empty/" + report.SummaryFile: "open ", "other/" + report.SummaryFile: "not a run's summary in JSON: ",
		"old.json": "its capacity has schema 2", "distributed/" + report.SummaryFile: "open ",
	} {
		if !strings.Contains(words, "Skipped "+file+": "+why) {
			t.Errorf("it lacks %s: %s", file, why)
		}
		if !strings.Contains(string(page), "<b>"+file+"</b>: ") {
			t.Errorf("the page lacks %s", file)
		}
	}
	if strings.Count(said, "Skipped ") != 8 {
		t.Error("something else was skipped")
	}
	for _, want := range []string{"the &lt;fix&gt;", ">p95 at 100/s</th>", "12.1 ms", "16 ms"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for line := range strings.Lines(said) {
		if utf8.RuneCountInString(line) > 101 && !strings.Contains(line, dir) {
			t.Errorf("more than 100 columns: %s", line)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

func TestTrendCommandJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	past(t, dir, runBefore, "PR 123", time.Date(2026, 6, 12, 20, 30, 0, 0, time.UTC))
	said, err := runCommand(false, false, "trend", "--json", dir)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		capacity.Trend
		Skipped []report.Skipped
	}
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatal(err)
	}
	whole := reportIn(t, runBefore)
	if len(got.Runs) != 1 || len(got.Skipped) != 0 || got.Runs[0].Run.Label != "PR 123" || *got.Runs[0].SustainedRate != *whole.SustainedRate || len(got.Runs[0].P95) != 2 {
		t.Errorf("got %s", said)
	}
	if _, err := os.Stat(filepath.Join(dir, report.TrendFile)); err == nil {
		t.Error("it has written a page")
	}
}

func TestTrendCommandFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "foreign.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, folder := range map[string]string{
		"gone can't be read: no such file or directory. Runs leave their summaries in results/e2e-load-summary.json, and in folders of their own beside it": "gone",
		dir + " has no summary of a run, such as report() leaves in results: foreign.json: it has no capacity: ":                                            dir,
	} {
		if _, err := runCommand(false, false, "trend", folder); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", folder, err)
		}
	}
}
