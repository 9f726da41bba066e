package sparkmotion

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.k6.io/k6/v2/cmd/state"
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
	equal(t, "without its colors", uncolored, plain)
	unwanted, err := runCommand(true, true, "compare", runBefore, runAfter)
	if err != nil || strings.ReplaceAll(unwanted, "\x1b[0K", "") != plain { // k6 clears the rest of a terminal's line
		t.Errorf("with --no-color: %v\n%s", err, unwanted)
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

func TestCompareCommandFails(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(old, []byte(`{"metrics":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"open gone.json: no such file or directory": {"compare", runBefore, "gone.json"},
		old + ": it has no capacity: ":              {"compare", old, runAfter},
		"accepts 2 arg(s), received 1":              {"compare", runBefore},
		"unknown command \"merge\" for":             {"merge"},
	} {
		out, err := runCommand(false, false, args...)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
		equal(t, "printed", out, "")
	}
	help, err := runCommand(false, false)
	if err != nil || !strings.Contains(help, "compare ") {
		t.Errorf("help: %v\n%s", err, help)
	}
}
