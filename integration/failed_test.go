package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// firstOf is how the log tells of the first failure of a kind.
var firstOf = regexp.MustCompile(`\(further \\"([^"]*)\\" failures are counted, not logged\)`)

// TestOneLineAKind: when every part fails half of the time, the full script's log has one line for each kind of failure that the report
// counts, the report shows what the first of it said, and as many taps failed as the twin failed.
func TestOneLineAKind(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		half := `{"errorRate":0.5,"status":500}`
		tw.breaks(`{"worker":` + half + `,"admin":` + half + `,"hub":{"errorRate":1,"status":503},"upstash":` + half + `}`)
	}()
	r := runK6(t, tw.env, "run", "--quiet", "-e", "SCALE=0.02", "-e", "TIME_SCALE=0.03", "-e", "STOP=off", absolute(t, mainScript))
	<-broken
	faults := tw.stats().Worker.Faults
	tw.control(http.MethodDelete, "/faults", "")
	r.wants(99, "What failed, the 3 largest kinds", "answered 500 Internal Server Error. The server failed: its log says why")

	counts := r.counts()
	var logged []string
	for _, found := range firstOf.FindAllStringSubmatch(r.output, -1) {
		logged = append(logged, found[1])
	}
	slices.Sort(logged)
	var counted []string
	for kind := range counts.Failures {
		counted = append(counted, kind)
	}
	slices.Sort(counted)
	const atLeast = 6 // a tap, four queries and a flush
	if !slices.Equal(logged, counted) || len(counted) < atLeast || len(r.errors()) > 0 {
		t.Errorf("logged %q, counted %q\n%s", logged, counted, r.output)
	}
	if failed := counts.Failures["tap: status 500"]; failed != faults {
		t.Errorf("%d taps failed; the twin failed %d", failed, faults)
	}
	page, err := os.ReadFile(filepath.Join(r.dir, "results", "e2e-load-report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range counted {
		if !strings.Contains(string(page), kind) {
			t.Errorf("the page lacks %s", kind)
		}
	}
	checkNothingTold(t, r, tw)
}
