package integration

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestMachineReadable: of k6's other form of a summary, the report has all that it has of the usual one, how long the run took as well, and
// the file holds to the published schema.
func TestMachineReadable(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	file := script(t, `
		import { report, tap, thresholds } from 'k6/x/sparkmotion';
		export const options = { vus: 1, duration: '2s', thresholds: thresholds() };
		export default () => { for (let i = 0; i < 50; i++) tap(); };
		export const handleSummary = report;`)
	schema, err := jsonschema.NewCompiler().Compile(absolute(t, "../results/e2e-load-summary.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{"the usual one": nil, "machine-readable": {"--new-machine-readable-summary"}} {
		began := time.Now()
		r := runK6(t, tw.env, append(append([]string{"run", "--quiet"}, flags...), file)...)
		most := math.Ceil(time.Since(began).Seconds())
		var minutes, seconds float64
		head := regexp.MustCompile(`(?m)^.* UTC · (\d+:\d\d) min · 127\.0\.0\.1:\d+ · `).FindStringSubmatch(r.output)
		if head == nil {
			t.Errorf("%s: the head does not have how long the run took\n%s", name, r.output)
		} else if _, err := fmt.Sscanf(head[1], "%f:%f", &minutes, &seconds); err != nil || 60*minutes+seconds < 2 || 60*minutes+seconds > most {
			t.Errorf("%s: 2 s of load took %s min by the head, and k6 %v s: %v", name, head[1], most, err)
		}
		text, err := os.ReadFile(filepath.Join(r.dir, "results", "e2e-load-summary.json"))
		if err != nil {
			t.Fatalf("%v\n%s", err, r.output)
		}
		summary, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(summary); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
