package integration

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

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
		r := runK6(t, tw.env, append(append([]string{"run", "--quiet"}, flags...), file)...)
		if head := regexp.MustCompile(`(?m)^.* UTC · 0:02 min · 127\.0\.0\.1:\d+ · `); !head.MatchString(r.output) {
			t.Errorf("%s: the head does not have how long the run took\n%s", name, r.output)
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
