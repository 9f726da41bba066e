package capacity

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSentences compares what is said about all kinds of runs, comparisons and merges with one file: a better sentence changes that file,
// and no other test.
func TestSentences(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	write := func(kind, name, status string, verdict []string) {
		fmt.Fprintf(&said, "## %s: %s\n%s\n%s\n\n", kind, name, status, strings.Join(verdict, "\n"))
	}
	for _, c := range judgedRuns() {
		r := c.judge()
		write("judge", c.name, string(r.Status), r.Verdict)
	}
	for _, c := range mergedRuns() {
		r := c.judge(t)
		write("merge", c.name, string(r.Status), r.Verdict)
	}
	for _, c := range comparedRuns() {
		compared := Compare(c.before, c.after)
		write("compare", c.name, string(compared.SustainedRate.Outcome), compared.Verdict)
	}
	file := filepath.Join("testdata", "sentences.txt")
	if *update {
		if err := os.WriteFile(file, []byte(said.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(said.String(), "\n\n")
	for i, block := range strings.Split(string(want), "\n\n") {
		if i >= len(got) || got[i] != block {
			t.Errorf("got\n%s\nwant\n%s\n(go test ./xk6-sparkmotion/internal/capacity -run Sentences -update, when it is better)", strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), block)
		}
	}
	if len(got) != strings.Count(string(want), "\n\n")+1 {
		t.Errorf("%d verdicts, and %s has others", len(got), file)
	}
}
