package capacity

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// What was written can be read again, including histograms, and gets the same verdict.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := judge(seen{rate: 50, achieved: 50, p95: 5, queries: 30, query: 20}, seen{rate: 100, achieved: 100, p95: 70, growth: 20})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again := Judge(back.Measured, Limits, nil)
	textAgain, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(textAgain) {
		t.Errorf("got\n%s\nwant\n%s", textAgain, text)
	}
	if len(text) > 100_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// Whatever happens in a run, its report can be written, says something, and contains no NaN.
func TestAlwaysSaysSomething(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	some := func(most float64) float64 { return most * max(0, random.Float64()*1.5-0.5) } // 0 a third of the time
	for range 100 {
		var plateaus []seen
		for range random.IntN(7) {
			rate := 0.01 + some(5)
			plateaus = append(plateaus, seen{
				rate: rate, achieved: some(rate), p95: some(200), failed: some(1), missed: some(1), late: some(0.2),
				growth: some(rate) - some(rate), queries: int64(some(40)), query: some(9000),
			})
		}
		r := judge(plateaus...)
		if sustained, first := r.sustained(); sustained != nil && first == nil && (r.Status == Pass) != (r.sayBut() == "" && len(r.sayLess()) == 0) {
			t.Errorf("%s: %s", r.Status, r.Verdict[0])
		}
		text, err := json.Marshal(r)
		if err != nil || strings.Contains(string(text), "NaN") || !strings.Contains(string(text), `"verdict":["`) {
			t.Fatalf("%v\n%+v\n%s", err, plateaus, text)
		}
	}
}
