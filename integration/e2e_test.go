package integration

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// preflightTaps is what preflight() sends to the Worker that the tap metrics do not count: a band a prefix.
const preflightTaps = 3

// What it asks of Admin, which no metric counts either: each query of the script, and the bands of three events.
const (
	preflightExports = 1
	preflightQueries = 4 + 3 // besides
)

// TestWholeRun is the five scenarios on a small scale: every tap is one 302, one queue entry, and in the end one row or
// still in the queue; every query, flush and login is one that the twin counted too.
func TestWholeRun(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json",
		"-e", "SCALE=0.02", "-e", "TIME_SCALE=0.02", absolute(t, mainScript))
	r.wantsHeld("preflight", "The run against its limits", "redirect p95", "results/e2e-load-report.html")
	s, got := r.summary(), tw.stats()

	for _, metric := range []string{
		"redirect_latency", "analytics_latency", "csv_export_latency", "error_rate",
		"kv_hit_rate", "cron_errors", "queue_depth", "cron_flushed",
	} {
		if s.samples(metric) == 0 {
			t.Errorf("%s has no samples", metric)
		}
	}
	taps := s.samples("redirect_latency")
	exports := got.Admin.Queries["analytics.exportTaps"]
	var queries int64
	for _, n := range got.Admin.Queries {
		queries += n
	}
	for name, pair := range map[string][2]int64{
		"taps sent and 302s served":         {taps + preflightTaps, got.Worker.Hits},
		"302s served and queue entries":     {got.Worker.Hits, got.Queue.Queued},
		"queue entries and rows or waiting": {got.Queue.Queued, got.Database.Rows - got.Database.History + got.Queue.Depth},
		"KV judgements and taps":            {s.samples("kv_hit_rate"), taps},
		"KV hits and taps":                  {int64(s.Metrics["kv_hit_rate"].Values["passes"]), taps},
		"checks and taps, three each":       {s.samples("checks"), 3 * taps},
		"exports":                           {s.samples("csv_export_latency") + preflightExports, exports},
		"analytics queries":                 {s.samples("analytics_latency") + preflightQueries, queries - exports},
		"errors judged":                     {s.samples("error_rate") + preflightQueries + preflightExports, taps + queries + s.samples("upstash_latency")},
		"flushes, one by preflight":         {s.samples("cron_errors") + 1, got.Hub.Flushes},
		"logins, by preflight":              {1, got.Admin.Logins},
		"misses, drops and failures":        {0, got.Worker.Misses + got.Queue.Lost + got.Admin.Unauthorized + got.Admin.FailedLogins},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d and %d", name, pair[0], pair[1])
		}
	}
	checkPlateaus(t, filepath.Join(r.dir, "samples.json"), taps, s.samples("dropped_iterations"))
	checkSecrets(t, r, tw)
}

// checkPlateaus wants every tap tagged with one of the profile's rates, and each rate about as often as it was held, but for the iterations
// that k6 dropped.
func checkPlateaus(t *testing.T, file string, taps, dropped int64) {
	t.Helper()
	want := map[string]float64{"10": 10, "20": 20, "50": 50, "100": 100, "150": 150, "200": 200}
	const hold = 2.4 // s
	seen := map[string]int64{}
	for _, p := range points(t, file, "redirect_latency") {
		seen[p.Tags["plateau"]]++
	}
	total := seen["ramp-down"] + seen["settling"]
	for name, rate := range want {
		total += seen[name]
		if n := float64(seen[name]); n < 0.5*rate*hold-float64(dropped) || n > 1.2*rate*hold+2 {
			t.Errorf("plateau %s has %v taps, %v were due; %d were dropped in all", name, n, rate*hold, dropped)
		}
	}
	if total != taps {
		t.Errorf("%d of %d taps carry a plateau of the profile: %v", total, taps, seen)
	}
}

// checkSecrets looks for the run's secrets in all that it printed and wrote.
func checkSecrets(t *testing.T, r run, tw *twin) {
	t.Helper()
	text := r.output
	for _, file := range []string{"samples.json", "results/e2e-load-summary.json"} {
		content, err := os.ReadFile(filepath.Join(r.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		text += string(content)
	}
	for _, secret := range []string{"TEST_PASSWORD", "CRON_SECRET", "UPSTASH_REDIS_REST_TOKEN"} {
		if strings.Contains(text, tw.env[secret]) {
			t.Errorf("%s is in the run's output or files", secret)
		}
	}
	if strings.Contains(text, "session-token=") {
		t.Error("the session's cookie is in the run's output or files")
	}
}

type point struct {
	Time  time.Time
	Tags  map[string]string
	Value float64
}

// points are the samples of one metric that k6's JSON output wrote.
func points(t *testing.T, file, metric string) []point {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var found []point
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var line struct {
			Type, Metric string
			Data         point
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Type == "Point" && line.Metric == metric {
			found = append(found, line.Data)
		}
	}
	return found
}

func TestVersion(t *testing.T) {
	t.Parallel()
	runK6(t, nil, "version").wants(0, "github.com/sparkmotion/xk6-sparkmotion", "k6/x/sparkmotion [js]")
}

// TestProfile asks k6 itself what the full profile requires.
func TestProfile(t *testing.T) {
	t.Parallel()
	r := runK6(t, nil, "inspect", "--execution-requirements", absolute(t, mainScript))
	var got struct {
		TotalDuration string
		Scenarios     map[string]struct {
			Duration  string
			StartRate int
			Stages    []struct {
				Duration string
				Target   int
			}
		}
	}
	if err := json.Unmarshal([]byte(r.output), &got); err != nil {
		t.Fatalf("%v\n%s", err, r.output)
	}
	tappers := got.Scenarios["tappers"]
	rate, total := tappers.StartRate, time.Duration(0)
	var held []int
	for _, stage := range tappers.Stages {
		d, err := time.ParseDuration(stage.Duration)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case d == 2*time.Minute && stage.Target == rate:
			held = append(held, rate)
		case d != 0 && stage.Target != 0:
			t.Errorf("a ramp to %d for %s within the profile", stage.Target, stage.Duration)
		}
		rate, total = stage.Target, total+d
	}
	if want := []int{500, 1000, 2500, 5000, 7500, 10000}; !slices.Equal(held, want) {
		t.Errorf("held %v, want %v", held, want)
	}
	if total != 12*time.Minute+30*time.Second {
		t.Errorf("tappers take %s", total)
	}
	for _, name := range []string{"admins", "exporters", "cron_trigger", "queue_sampler"} {
		if got.Scenarios[name].Duration != "13m0s" {
			t.Errorf("%s takes %s", name, got.Scenarios[name].Duration)
		}
	}
}

func TestScriptIsThin(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(mainScript)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n >= 150 {
		t.Errorf("%s has %d lines", mainScript, n)
	}
}
