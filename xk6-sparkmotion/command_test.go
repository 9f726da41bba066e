package sparkmotion

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
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

const (
	runBefore = "../integration/testdata/before.json"
	runAfter  = "../integration/testdata/after.json"
)

// runCommand runs k6 x sparkmotion, on a terminal or not.
func runCommand(tty, noColor bool, args ...string) (string, error) {
	var out bytes.Buffer
	gs := state.NewGlobalState(context.Background())
	gs.Stdout.Writer, gs.Stdout.IsTTY, gs.Flags.NoColor = &out, tty, noColor
	cmd := command(gs)
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
	for _, want := range []string{
		"Holds 50 taps/s, 100 before: worse.\nAt 100/s worse: redirect p50, redirect p95, redirect error rate, queue growth.\n" +
			"The flush cron drains 38.7/s, 60.3/s before: worse.\n",
		"\nholds                          100/s      50/s                        WORSE\n",
		"\n100 taps/s                      PASS      WARN                        WORSE\n  redirect p50 ",
		"\n50 taps/s                       PASS      PASS                        within noise\n  redirect p50 ",
	} {
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
	vutest.Equal(t, "without its colors", uncolored, plain)
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
	text = regexp.MustCompile(`"analytics_us": "[^"]*"`).ReplaceAll(text, []byte(`"analytics_us": ""`))
	if err := os.WriteFile(quiet, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := runCommand(false, false, "compare", quiet, runAfter)
	if err != nil || strings.Count(said, "not to be told: unknown before\n") != 2 {
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
	var c struct {
		Verdict []string
		Holds   struct {
			Before, After float64
			Outcome       string
		}
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Verdict) == 0 || c.Holds.Before != 100 || c.Holds.After != 50 || c.Holds.Outcome != "worse" {
		t.Errorf("got %+v", c)
	}
}

// What one process saw of a whole run, merged with nothing, stays what it was.
func TestMergeCommand(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "merged")
	said, err := runCommand(false, false, "merge", runBefore, "--out", out)
	if err != nil || !strings.Contains(said, "WARN  Holds 100 taps/s within every limit that could be judged, the highest rate tried, but ") ||
		!strings.Contains(said, "The report: "+out+"/e2e-load-report.html, e2e-load-report.md; all data: e2e-load-summary.json") {
		t.Errorf("%v\n%s", err, said)
	}
	for _, file := range []string{pageFile, markdownFile} {
		if text, err := os.ReadFile(filepath.Join(out, file)); err != nil || !strings.Contains(string(text), "Holds 100 taps/s") {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	said, err = runCommand(false, false, "merge", runBefore, "--out", filepath.Join(out, summaryFile))
	if err == nil || !strings.HasSuffix(err.Error(), "not a directory") || !strings.Contains(said, "WARN  Holds 100 taps/s") || strings.Contains(said, "The report:") {
		t.Errorf("without a place for files: %v\n%s", err, said)
	}
	compared, err := runCommand(false, false, "compare", runBefore, filepath.Join(out, summaryFile))
	if err != nil || !strings.HasPrefix(compared, "Holds 100 taps/s, as before.") || strings.Contains(compared, "redirect p95") {
		t.Errorf("%v\n%s", err, compared)
	}
}

// A merged run fails as one of k6's does.
func TestMergeCommandExits(t *testing.T) {
	t.Parallel()
	slow := &capacity.Recorder{}
	slow.Tap(capacity.Tap{Latency: 150 * time.Millisecond, First: true, Redirected: true, FromKV: true})
	text, err := json.Marshal(map[string]any{"capacity": capacity.Judge(slow.Measured("0:1", 1), capacity.Limits, func(capacity.Limit) (float64, bool) {
		return 0, false
	})})
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
	if !strings.Contains(said, "Over the whole run redirect p95 fails its limit of 100 ms (150 ms).") || !strings.Contains(said, "\x1b[31m") {
		t.Errorf("said\n%s", said)
	}
}

func TestCompareCommandFails(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, []byte(`{"metrics":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"open gone.json: no such file or directory": {"compare", runBefore, "gone.json"},
		old + ": it has no capacity: ":              {"compare", old, runAfter},
		"compare takes summaries, as runs leave them in results/e2e-load-summary.json: got 1. Usage: k6 x sparkmotion compare BEFORE AFTER": {"compare", runBefore},
		"unknown command \"mend\" for": {"mend"},
		"merge takes summaries, as runs leave them in results/e2e-load-summary.json: got 0. Usage: k6 x sparkmotion merge SUMMARY...": {"merge"},
		runBefore + " (0:1) and " + runAfter + " (0:1) overlap: ":                                                                     {"merge", "--out", t.TempDir(), runBefore, runAfter},
	} {
		out, err := runCommand(false, false, args...)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
		vutest.Equal(t, "printed", out, "")
	}
	help, err := runCommand(false, false)
	if err != nil || !strings.Contains(help, "compare ") || !strings.Contains(help, "merge ") {
		t.Errorf("help: %v\n%s", err, help)
	}
}

// A folder holds the files of one seed: the same one again is written over, a smaller one is not mixed with it.
func TestBandsCommandKeepsSeedsApart(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	seed := func(count string) error {
		_, err := runCommand(false, false, "bands", "--events", "a,b,c", "--out", out, "--count", count)
		return err
	}
	for _, count := range []string{"4000", "4000"} {
		if err := seed(count); err != nil {
			t.Error(err)
		}
	}
	if err := seed("10"); err == nil || !strings.HasPrefix(err.Error(), filepath.Join(out, "kv-delete-002.json")+" is of another seed") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(out, "bands.csv")); err != nil || strings.Count(string(text), "\n") != 12_001 {
		t.Errorf("the first seed is no longer whole: %v", err)
	}
}
