package test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/lib"
)

// bandsOf picks n bands with the given options.
func bandsOf(s *vutest.Script, n int, options string) []string {
	bands := make([]string, n)
	for i := range bands {
		bands[i] = s.Run("sm.bandID(" + options + ")").String()
	}
	return bands
}

func TestBandID(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Start(1)
	seeded := regexp.MustCompile(`^LOADTEST-E([123])-(\d{6})$`)
	events := map[string]int{}
	for _, band := range bandsOf(s, 300, "") {
		match := seeded.FindStringSubmatch(band)
		if match == nil || match[2] < "000001" || match[2] > "200000" {
			t.Fatalf("%s is not a seeded band", band)
		}
		events[match[1]]++
	}
	for event, n := range events {
		if n < 60 || n > 140 {
			t.Errorf("event %s has %d of 300 bands", event, n)
		}
	}
	for _, distribution := range []string{"uniform", "zipf", "sequential"} {
		got := bandsOf(s, 200, "{prefixes: ['A-', 'B-'], count: 2, distribution: '"+distribution+"'}")
		slices.Sort(got)
		vutest.Equal(t, distribution, strings.Join(slices.Compact(got), " "), "A-000001 A-000002 B-000001 B-000002")
	}
	// Options of one call don't leak into the next.
	if got := bandsOf(s, 1, "")[0]; !seeded.MatchString(got) {
		t.Errorf("got %s", got)
	}
}

func TestBandIDErrors(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Start(1)
	for options, want := range map[string]string{
		"{distribution: 'normal'}": `bandID: option distribution: must be uniform, zipf or sequential, got "normal"`,
		"{count: 0}":               "bandID: option count: must be above 0, got 0",
		"{prefixes: []}":           "bandID: a pool of bands needs one or more prefixes, none of them empty: got []",
		"{prefixes: ['A', '']}":    "bandID: option prefixes: an array of strings is expected, none of them empty: entry 2 is none",
		"{prefixes: 'A-'}":         "bandID: option prefixes: an array of strings is expected",
		"{seed: 'x'}":              "bandID: option seed: a number is expected, got x",
		"5":                        "bandID: options must be an object",
	} {
		vutest.Equal(t, options, s.Fails("sm.bandID("+options+")"), want)
	}
}

// With a seed a VU picks the same in every run, and another VU picks otherwise.
func TestSeed(t *testing.T) {
	t.Parallel()
	for _, distribution := range []string{"uniform", "zipf"} {
		pick := func(vu uint64, seed int) string {
			options := fmt.Sprintf("{distribution: '%s', seed: %d}", distribution, seed)
			return strings.Join(bandsOf(newProcess(t, nil).Start(vu), 20, options), " ")
		}
		first := pick(1, 42)
		vutest.Equal(t, distribution+", again", pick(1, 42), first)
		if pick(2, 42) == first || pick(1, 43) == first {
			t.Errorf("%s: another VU or seed picks the same: %s", distribution, first)
		}
		if pick(1, 0) == pick(1, 0) { //nolint:staticcheck // two picks
			t.Errorf("%s: without a seed two runs pick the same", distribution)
		}
	}
}

const pool = "{distribution: 'sequential', prefixes: ['A', 'B', 'C'], count: 20}"

// VUs take turns at one sequence.
func TestSequentialOverVUs(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	one, two := p.Start(1), p.Start(2)
	var got []string
	for range 30 {
		got = append(got, bandsOf(one, 1, pool)...)
		got = append(got, bandsOf(two, 1, pool)...)
	}
	vutest.Equal(t, "the first bands", strings.Join(got[:4], " "), "A000001 B000001 C000001 A000002")
	slices.Sort(got)
	vutest.Equal(t, "distinct bands of 60", len(slices.Compact(got)), 60)
	vutest.Equal(t, "past the pool", bandsOf(one, 1, pool)[0], "A000001")
}

// Processes take their segments' shares: together all of the pool, and no band twice.
func TestSequentialOverSegments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sequence string
		segments []string
		shares   []int
	}{
		{"0,1/3,2/3,1", []string{"0:1/3", "1/3:2/3", "2/3:1"}, []int{20, 20, 20}},
		{"0,1/6,1", []string{"0:1/6", "1/6:1"}, []int{10, 50}},
	} {
		sequence, err := lib.NewExecutionSegmentSequenceFromString(c.sequence)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, text := range c.segments {
			segment, err := lib.NewExecutionSegmentFromString(text)
			if err != nil {
				t.Fatal(err)
			}
			s := newProcess(t, nil).Start(1)
			s.VU.Running.Options.ExecutionSegment = segment
			s.VU.Running.Options.ExecutionSegmentSequence = &sequence
			got = append(got, bandsOf(s, c.shares[i], pool)...)
		}
		slices.Sort(got)
		vutest.Equal(t, "distinct bands of 60 over "+c.sequence, len(slices.Compact(got)), 60)
	}
}
