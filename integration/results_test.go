package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// keptRun is what a summary says of the run that it is of.
type keptRun struct {
	Capacity struct {
		Run       struct{ Title, Label, Name, Script, K6, Extension string }
		Counts    struct{ Taps int64 }
		Processes []struct {
			Usage struct {
				Cores   int
				CPU     float64 `json:"cpu_seconds"`
				PeakRSS int64   `json:"peak_rss_bytes"`
			}
		}
	}
}

func keptIn(t *testing.T, path ...string) keptRun {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	var kept keptRun
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	return kept
}

// tapping is a script that taps so often.
func tapping(n int, summary string) string {
	return fmt.Sprintf(`
		import { report, tap } from 'k6/x/sparkmotion';
		export const options = { iterations: %d, vus: 2 };
		export default () => { tap() };
		export const handleSummary = %s;`, n, summary)
}

// TestResultsAtOnce: two runs that share a folder disturb nothing of each other, and each says which it was. k6's own words are its
// versions, the shell's its CPU time.
func TestResultsAtOnce(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.env["LABEL"] = "PR 123"
	r := runCommand(t, tw.env, "sh", "-c", `"$0" run --quiet "$1" >/dev/null & "$0" run --quiet "$2" >/dev/null & wait; times; "$0" version`,
		absolute(t, k6Binary), script(t, tapping(30, "report")), script(t, tapping(50, "report({ name: 'other', title: 'Of two' })")))
	r.wants(0)
	folders := map[string]string{}
	for name, pattern := range map[string]string{"script": "*Z-script", "other": "*Z-other"} {
		found, err := filepath.Glob(filepath.Join(r.dir, "results", pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %v\n%s", name, found, err, r.output)
		}
		folders[name] = found[0]
	}
	taps, cpu := int64(0), 0.0
	for name, want := range map[string]int64{"script": 30, "other": 50} {
		kept := keptIn(t, folders[name], "e2e-load-summary.json").Capacity
		if run := kept.Run; kept.Counts.Taps != want || run.Name != name || run.Script != "script.js" || run.Label != "PR 123" || (run.Title != "") != (name == "other") {
			t.Errorf("%s: %d taps of %+v", name, kept.Counts.Taps, run)
		}
		r.output += "\n" // the version ends a line
		for _, said := range []string{"k6 " + kept.Run.K6 + " (", "github.com/sparkmotion/xk6-sparkmotion " + kept.Run.Extension + ", k6/x/sparkmotion [js]"} {
			if !strings.Contains(r.output, said) {
				t.Errorf("k6 doesn't say %q", said)
			}
		}
		taps, cpu = taps+kept.Counts.Taps, cpu+kept.Processes[0].Usage.CPU
		for _, file := range []string{"e2e-load-report.html", "e2e-load-report.md", "e2e-load-report.xml"} {
			if text, err := os.ReadFile(filepath.Join(folders[name], file)); err != nil || !strings.Contains(string(text), "PR 123") {
				t.Errorf("%s: %s has no label: %v", name, file, err)
			}
		}
	}
	if requests := tw.stats().Worker.Requests; taps != requests {
		t.Errorf("%d taps in both, and the twin has seen %d", taps, requests)
	}
	if known := childrenCPU(t, r.output); cpu > known || cpu < known/3 { // k6 goes on after its summary, and k6 version is not among both
		t.Errorf("%.3f s of CPU in both, and the shell has seen %.3f", cpu, known)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "results", ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	last, err := os.Readlink(filepath.Join(r.dir, "results", "latest"))
	if err != nil || last != filepath.Base(folders["script"]) && last != filepath.Base(folders["other"]) {
		t.Errorf("latest leads to %s: %v", last, err)
	}
}

// childrenCPU reads what a shell's times prints: its own, then its children's, 0m1.230s 0m0.450s.
func childrenCPU(t *testing.T, output string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$`).FindAllStringSubmatch(output, -1)
	if len(found) != 2 {
		t.Fatalf("no times in\n%s", output)
	}
	var sum float64
	for i, minutesOr := range found[1][1:] {
		n, err := strconv.ParseFloat(minutesOr, 64)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			n *= 60
		}
		sum += n
	}
	return sum
}

// TestResultsOfNothing: what was refused, or ended before load, leaves nothing, in either form of k6's data.
func TestResultsOfNothing(t *testing.T) {
	t.Parallel()
	refused := script(t, tapping(2, "report")+"\nexport const setup = () => { throw new Error('refused') };")
	for _, args := range [][]string{{"run", "--quiet"}, {"run", "--quiet", "--new-machine-readable-summary"}} {
		r := runK6(t, map[string]string{"WORKER_URL": "http://127.0.0.1:9"}, append(args, refused)...)
		r.wants(107, "refused")
		if _, err := os.Stat(filepath.Join(r.dir, "results")); err == nil {
			t.Errorf("%v has left results\n%s", args, r.output)
		}
	}
}
