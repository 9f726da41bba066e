package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.k6.io/k6/v2/cmd/state"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
)

const (
	runBefore = "../../../integration/testdata/before.json"
	runAfter  = "../../../integration/testdata/after.json"
)

// runCommand runs k6 x sparkmotion, on a terminal or not.
func runCommand(tty, noColor bool, args ...string) (string, error) {
	var out bytes.Buffer
	gs := state.NewGlobalState(context.Background())
	gs.Stdout.Writer, gs.Stdout.IsTTY, gs.Flags.NoColor = &out, tty, noColor
	cmd := Command(gs)
	cmd.SetArgs(args)
	cmd.SetOut(gs.Stdout)
	cmd.SetErr(io.Discard)
	cmd.SilenceUsage = true // as below k6's root
	err := cmd.Execute()
	return out.String(), err
}

func TestCompareCommand(t *testing.T) {
	t.Parallel()
	plain, err := runCommand(false, false, "compare", runBefore, runAfter)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(compared(t, runBefore, runAfter).Verdict,
		"\nsustained rate                 100/s      50/s                        WORSE\n",
		"\n100 taps/s                      PASS      WARN                        WORSE\n  redirect p50 ",
		"\n50 taps/s                       PASS      PASS                        within noise\n  redirect p50 ",
	) {
		if !strings.Contains(plain, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	for line := range strings.Lines(plain) {
		if utf8.RuneCountInString(line) > 101 {
			t.Errorf("more than 100 columns: %s", line)
		}
	}
	if t.Failed() {
		t.Log(plain)
	}

	colored, err := runCommand(true, false, "compare", runBefore, runAfter)
	if err != nil || !strings.Contains(colored, "\x1b[31mWORSE\x1b[0m") {
		t.Errorf("on a terminal: %v\n%s", err, colored)
	}
	uncolored := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[0m", "", "\x1b[0K", "").Replace(colored)
	if uncolored != plain {
		t.Errorf("without its colors it is\n%s", uncolored)
	}
	unwanted, err := runCommand(true, true, "compare", runBefore, runAfter)
	if err != nil || strings.ReplaceAll(unwanted, "\x1b[0K", "") != plain { // k6 clears the rest of a terminal's line
		t.Errorf("with --no-color: %v\n%s", err, unwanted)
	}
}

// A figure that only one run has still fits its line.
func TestCompareCommandFits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(runBefore)
	if err != nil {
		t.Fatal(err)
	}
	quiet := filepath.Join(t.TempDir(), "quiet.json")
	text = regexp.MustCompile(`"analytics_histogram": "[^"]*"`).ReplaceAll(text, []byte(`"analytics_histogram": ""`))
	if err := os.WriteFile(quiet, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := runCommand(false, false, "compare", quiet, runAfter)
	if err != nil || strings.Count(said, "unclear: unknown before\n") != 3 { // and the drain of a queue that did not grow
		t.Errorf("%v\n%s", err, said)
	}
	for line := range strings.Lines(said) {
		if utf8.RuneCountInString(line) > 101 {
			t.Errorf("more than 100 columns: %s", line)
		}
	}
}

func TestCompareCommandJSON(t *testing.T) {
	t.Parallel()
	text, err := runCommand(false, false, "compare", "--json", runBefore, runAfter)
	if err != nil {
		t.Fatal(err)
	}
	var c capacity.Comparison
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if held := c.SustainedRate; len(c.Verdict) == 0 || *held.Before != 100 || *held.After != 50 || held.Outcome != capacity.Worse {
		t.Errorf("got %+v", c)
	}
}

// With --fail-on-worse it exits as k6 does by its thresholds, and says all the same what it has found.
func TestCompareCommandFailsOnWorse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		before, after string
		code          exitcodes.ExitCode
	}{{runBefore, runAfter, exitcodes.ThresholdsHaveFailed}, {runAfter, runBefore, 0}, {runBefore, runBefore, 0}} {
		want, err := runCommand(false, false, "compare", c.before, c.after)
		if err != nil {
			t.Fatal(err)
		}
		said, err := runCommand(false, false, "compare", "--fail-on-worse", c.before, c.after)
		if said != want {
			t.Errorf("it says\n%s\nwant\n%s", said, want)
		}
		var exit errext.HasExitCode
		switch {
		case c.code == 0 && err != nil:
			t.Errorf("%s, %s: got %v", c.before, c.after, err)
		case c.code != 0 && (!errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.HasPrefix(err.Error(), "worse: sustained rate, ") ||
			!strings.Contains(err.Error(), ", redirect p95 at 100/s")):
			t.Errorf("got %v", err)
		}
	}
}

// compared is what the command should find.
func compared(t *testing.T, before, after string) *capacity.Comparison {
	t.Helper()
	return capacity.Compare(reportIn(t, before), reportIn(t, after))
}

func reportIn(t *testing.T, file string) *capacity.Report {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	r, err := capacity.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What one process saw of a whole run, merged with nothing, stays what it was.
func TestMergeCommand(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "merged")
	whole := reportIn(t, runBefore)
	said, err := runCommand(false, false, "merge", runBefore, "--out", out)
	if err != nil || !strings.Contains(said, string(whole.Status)+"  ") ||
		!strings.Contains(said, "The report: "+out+"/e2e-load-report.html, e2e-load-report.md; all data: e2e-load-summary.json") {
		t.Errorf("%v\n%s", err, said)
	}
	for _, file := range []string{report.PageFile, report.MarkdownFile} {
		if text, err := os.ReadFile(filepath.Join(out, file)); err != nil || !strings.Contains(string(text), whole.Verdict[0]) {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	merged := reportIn(t, filepath.Join(out, report.SummaryFile))
	if merged.Status != whole.Status || *merged.SustainedRate != *whole.SustainedRate || merged.Whole.Taps != whole.Whole.Taps {
		t.Errorf("got %s, %v of %d taps", merged.Status, *merged.SustainedRate, merged.Whole.Taps)
	}
	said, err = runCommand(false, false, "merge", runBefore, "--out", filepath.Join(out, report.SummaryFile))
	if err == nil || !strings.Contains(err.Error(), "not a directory. Something else than a folder has that name, such as a file") || !strings.Contains(said, string(whole.Status)+"  ") || strings.Contains(said, "The report:") {
		t.Errorf("without a place for files: %v\n%s", err, said)
	}
	for _, p := range compared(t, runBefore, filepath.Join(out, report.SummaryFile)).Plateaus {
		for _, f := range p.Figures {
			if f.Outcome != capacity.Within && f.Outcome != capacity.Untold || *f.Before != *f.After {
				t.Errorf("%s: %+v", p.Name, f)
			}
		}
	}
}

// A run's folder stands for the summary in it.
func TestFoldersOfRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, err := os.ReadFile(runBefore)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, report.SummaryFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := runCommand(false, false, "compare", runBefore, runAfter)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := runCommand(false, false, "compare", dir, runAfter); err != nil || got != want {
		t.Errorf("compare: %v\n%s", err, got)
	}
	if _, err := runCommand(false, false, "merge", dir, "--out", filepath.Join(dir, "merged")); err != nil {
		t.Errorf("merge: %v", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(".", link); err != nil {
		t.Fatal(err)
	}
	for out, in := range map[string]string{dir: dir, link: filepath.Join(dir, report.SummaryFile), dir + "/": link} { // nothing is written over what is merged
		_, err := runCommand(false, false, "merge", in, "--out", out)
		if err == nil || !strings.HasSuffix(err.Error(), " is to be merged, and the merged summary would take its place: choose another folder with --out") {
			t.Errorf("merge %s into %s: %v", in, out, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(dir, report.SummaryFile)); err != nil || !bytes.Equal(after, text) {
		t.Errorf("the summary is another: %v", err)
	}
}

// A merged run fails as one of k6's does.
func TestMergeCommandExits(t *testing.T) {
	t.Parallel()
	slow := &capacity.Recorder{}
	slow.Tap(capacity.Tap{Latency: 150 * time.Millisecond, First: true, Redirected: true, FromKV: true})
	text, err := json.Marshal(map[string]any{"capacity": capacity.Judge(slow.Measured("0:1", nil), capacity.Limits, nil)})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	file := filepath.Join(out, "slow.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := runCommand(true, false, "merge", "--out", out, file)
	var exit errext.HasExitCode
	if !errors.As(err, &exit) || exit.ExitCode() != exitcodes.ThresholdsHaveFailed || err.Error() != "thresholds on metrics 'redirect_latency' have been crossed" {
		t.Errorf("got %v", err)
	}
	if merged := reportIn(t, filepath.Join(out, report.SummaryFile)); merged.Metrics[0].Value < 149 || !strings.Contains(said, "150 ms") || !strings.Contains(said, "\x1b[31m") {
		t.Errorf("said\n%s", said)
	}
}

func TestCompareCommandFails(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, []byte(`{"metrics":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for want, args := range map[string][]string{
		"gone.json can't be read: no such file or directory. Runs leave":                                                            {"compare", runBefore, "gone.json"},
		filepath.Join(empty, report.SummaryFile) + " can't be read: no such file or directory. Runs leave":                          {"merge", "--out", t.TempDir(), empty},
		"trend takes a folder with the folders or summaries of runs, such as results/: got 0. Usage: k6 x sparkmotion trend FOLDER": {"trend"},
		old + ": it has no capacity: ": {"compare", old, runAfter},
		"compare takes the summaries that runs leave in results/e2e-load-summary.json: got 1. Usage: k6 x sparkmotion compare BEFORE AFTER": {"compare", runBefore},
		"unknown command \"mend\" for": {"mend"},
		"merge takes the summaries that runs leave in results/e2e-load-summary.json: got 0. Usage: k6 x sparkmotion merge SUMMARY...": {"merge"},
		runBefore + " (0:1) and " + runAfter + " (0:1) overlap: ":                                                                     {"merge", "--out", t.TempDir(), runBefore, runAfter},
	} {
		out, err := runCommand(false, false, args...)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
		if out != "" {
			t.Errorf("%v: printed %s", args, out)
		}
	}
	help, err := runCommand(false, false)
	if err != nil || !strings.Contains(help, "compare ") || !strings.Contains(help, "merge ") {
		t.Errorf("help: %v\n%s", err, help)
	}
}
