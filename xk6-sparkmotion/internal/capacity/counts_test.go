package capacity

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// Histograms add up: the percentiles of two processes are those of all their taps.
func TestCountsAdd(t *testing.T) {
	t.Parallel()
	var fast, slow, all Counts
	for i := range 1000 {
		took := time.Duration(i) * time.Millisecond
		for _, c := range []*Counts{&all, map[bool]*Counts{true: &fast, false: &slow}[i < 900]} {
			c.Taps++
			c.Redirect[i%batches].add(took)
		}
	}
	fast.add(slow)
	merged, whole := fast.redirect(), all.redirect()
	if merged.at(95) != whole.at(95) || fast.Taps != all.Taps || merged.at(95) < 940 || merged.at(95) > 960 {
		t.Errorf("p95 %v of %d, want %v of %d", merged.at(95), fast.Taps, whole.at(95), all.Taps)
	}
}

// No field is forgotten when counts are added.
func TestAddIsComplete(t *testing.T) {
	t.Parallel()
	var c, other Counts
	fields := reflect.ValueOf(&other).Elem()
	for i := range fields.NumField() {
		switch f := fields.Field(i).Addr().Interface().(type) {
		case *int64:
			*f = 1
		case *seconds:
			*f = 1
		case *histogram:
			f.add(time.Second)
		case *[batches]histogram:
			for i := range f {
				f[i].add(time.Second)
			}
		case *histograms:
			f.of("analytics.kpis").add(time.Second)
		case *Tally:
			f.add("tap: 503", 1)
		case *Redirects:
			*f = Redirects{Tally{"a.example": 1}, Tally{"b.example": 1}, Tally{"c.example": 1}}
		default:
			t.Fatalf("%s is of a kind that nobody adds", fields.Type().Field(i).Name)
		}
	}
	c.add(other)
	got, _ := json.Marshal(c)
	want, _ := json.Marshal(other)
	if string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A clone is complete, and shares no histogram or tally.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	var c Counts
	fields := reflect.TypeFor[Counts]()
	histograms := 0
	for i := range fields.NumField() {
		switch fields.Field(i).Type {
		case reflect.TypeFor[histogram]():
			histograms++
		case reflect.TypeFor[[batches]histogram]():
			histograms += batches
		}
	}
	if n := len(c.histograms()); n != histograms {
		t.Fatalf("%d histograms are known of %d", n, histograms)
	}
	for _, h := range c.histograms() {
		h.add(time.Second)
	}
	for _, tally := range c.tallies() {
		tally.add("a.example", 1)
	}
	before, _ := json.Marshal(c)
	clone := c.clone()
	for _, h := range c.histograms() {
		h.add(time.Millisecond)
	}
	for _, tally := range c.tallies() {
		tally.add("a.example", 1)
	}
	if after, _ := json.Marshal(clone); string(after) != string(before) {
		t.Errorf("got  %s\nwant %s", after, before)
	}
}
