package report

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// suites is what an independent reader of JUnit XML finds.
type suites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Tests int    `xml:"tests,attr"`
		Cases []struct {
			Class   string `xml:"classname,attr"`
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
			Out     string    `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// Each limit is a case of the run and of each plateau, and fails where the limit does.
func TestJUnit(t *testing.T) {
	t.Parallel()
	for name, r := range fixtures() {
		var text bytes.Buffer
		if err := JUnit(&text, r); err != nil {
			t.Fatal(err)
		}
		var got suites
		if err := xml.Unmarshal(text.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text.String())
		}
		each := len(r.Metrics) + 1
		if len(got.Suites) != 1+len(r.Plateaus) || got.Tests != each*len(got.Suites) {
			t.Fatalf("%s: %d suites and %d cases\n%s", name, len(got.Suites), got.Tests, text.String())
		}
		failures := 0
		for i, of := range got.Suites {
			for j, c := range of.Cases {
				status := statusIn(r, i, j)
				if (c.Failure != nil) != (status == capacity.Fail) || strings.HasPrefix(c.Out, "WARN: ") != (status == capacity.Warn) {
					t.Errorf("%s: %s, %s is %s: %+v", name, of.Name, c.Name, status, c)
				}
				if c.Failure != nil {
					failures++
				}
			}
		}
		if failures != got.Failures {
			t.Errorf("%s: %d failures, and it counts %d", name, failures, got.Failures)
		}
	}
}

// statusIn returns the status of case j in suite i, from the report's own fields.
func statusIn(r *capacity.Report, i, j int) capacity.Status {
	switch {
	case i == 0 && j == 0:
		return r.Status
	case i == 0:
		return r.Metrics[j-1].Status
	case j == 0:
		return r.Plateaus[i-1].Status
	case !r.Plateaus[i-1].Valid():
		return r.Plateaus[i-1].Status
	}
	breaches := r.Plateaus[i-1].Breaches
	if at := slices.IndexFunc(breaches, func(b capacity.Breach) bool { return b.Label == r.Metrics[j-1].Label }); at >= 0 {
		return breaches[at].Status
	}
	return ""
}
