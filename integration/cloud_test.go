package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestCloudOptions: the run has a name in Grafana Cloud, and a project and a load zone when they are given, and only then.
func TestCloudOptions(t *testing.T) {
	t.Parallel()
	const name = `"name":"SparkMotion end to end"`
	for want, args := range map[string][]string{
		`{` + name + `}`:                  nil,
		`{` + name + `,"projectID":4711}`: {"-e", "K6_CLOUD_PROJECT_ID=4711"},
		`{"distribution":{"own":{"loadZone":"mine","percent":100}},` + name + `}`: {"-e", "PRIVATE_LOAD_ZONE=mine"},
	} {
		r := runK6(t, nil, append(append([]string{"inspect"}, args...), absolute(t, mainScript))...)
		r.wants(0)
		var got struct{ Cloud map[string]any }
		if err := json.Unmarshal([]byte(r.output), &got); err != nil {
			t.Fatalf("%v\n%s", err, r.output)
		}
		if text, err := json.Marshal(got.Cloud); err != nil || string(text) != want {
			t.Errorf("%q: %s, %v, want %s", args, text, err, want)
		}
	}
}

// TestArchive: an archive runs where there is nothing else. Its secrets come from there, the profile's size from when it was made:
// k6 keeps the options in it. How fast this machine is right now is no matter here.
func TestArchive(t *testing.T) {
	t.Parallel()
	made := runK6(t, nil, "archive", "-O", "e2e.tar", "-e", "SCALE=0.02", "-e", "TIME_SCALE=0.01", absolute(t, mainScript))
	made.wants(0)
	tw := startTwin(t)
	r := runK6(t, tw.env, "run", "--quiet", "--no-thresholds", filepath.Join(made.dir, "e2e.tar"))
	r.wants(0, "The run against its limits", "results/e2e-load-report.html")
	if taps := r.summary().samples("redirect_latency"); taps == 0 || taps+preflightTaps != tw.stats().Worker.Hits {
		t.Errorf("%d taps sent, %d served", taps, tw.stats().Worker.Hits)
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != "results" {
			t.Errorf("the run left %s", entry.Name())
		}
	}
}
