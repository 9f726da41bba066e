package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// audited are the taps of an audit here, or some more or less, as k6 has the time: so many that a share of them is some.
const audited = 900

// findings are what an audit says of one kind.
type findings struct {
	Count int64
	First []struct {
		Band string
		At   time.Time
		Rows int
	}
}

// outcome is what an audit wrote.
type outcome struct {
	Taps, Once, DuplicateRows, Unanswered               int64
	Lost, Duplicated, OtherEvent, OtherMode, Unexpected findings
}

// counts are the outcome's numbers, of taps but for the duplicates, which are rows.
type counts struct{ Taps, Lost, Duplicates, OtherEvent, OtherMode, Unexpected int64 }

func (o outcome) counts() counts {
	return counts{o.Taps, o.Lost.Count, o.DuplicateRows, o.OtherEvent.Count, o.OtherMode.Count, o.Unexpected.Count}
}

// runAudit runs the script. Settling is short: the twin records at once, or never, and only a flush of others holds taps meanwhile.
func runAudit(t *testing.T, tw *twin, args ...string) run {
	t.Helper()
	args = append([]string{"run", "--out", "json=samples.json", "-e", fmt.Sprint("TAPS=", audited), "-e", "RATE=300", "-e", "SETTLE=5s"}, args...)
	return runK6(t, tw.env, append(args, absolute(t, "../scripts/audit.js"))...)
}

// outcome reads what the audit wrote, and wants k6's counters to say the same.
func (r run) outcome() (o outcome) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "results", "audit.json"))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.output)
	}
	for metric, want := range map[string]int64{
		"audit_recorded": o.Once, "audit_lost": o.Lost.Count, "audit_duplicated": o.DuplicateRows, "audit_other_event": o.OtherEvent.Count,
		"audit_other_mode": o.OtherMode.Count, "audit_unexpected": o.Unexpected.Count,
	} {
		if got := r.samples(metric); len(got) != 1 || int64(got[0]) != want {
			r.t.Errorf("%s has %v, the outcome %d", metric, got, want)
		}
	}
	for _, found := range []findings{o.Lost, o.Duplicated, o.OtherEvent, o.OtherMode, o.Unexpected} {
		if int64(len(found.First)) != min(found.Count, 10) {
			r.t.Errorf("%d of %d are named", len(found.First), found.Count)
		}
		for _, one := range found.First {
			if !strings.Contains(r.output, one.Band+" at "+one.At.Format("2006-01-02T15:04:05.000Z")) {
				r.t.Errorf("the log lacks %s at %s", one.Band, one.At)
			}
		}
	}
	return o
}

// chance is a source of choices whose seed is printed, and is the same in CI.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	if os.Getenv("CI") == "" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// allWell is what the log says of an audit that finds nothing amiss.
const allWell = "Every tap was recorded once: "

// TestAudit: whatever becomes of taps, the audit finds it, to the tap, by the twin's own count.
func TestAudit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before func(*twin, *rand.Rand) counts // the run: what is not counted by the ledger
		during func(*twin, *rand.Rand)        // once load has begun
		finds  string                         // in the log
	}{
		{name: "all is well", finds: allWell},
		{name: "replies to commits are lost", during: func(tw *twin, r *rand.Rand) {
			tw.breaks(fmt.Sprintf(`{"database":{"replyLostRate":%.3f}}`, 0.3+0.4*r.Float64()))
			tw.must(http.MethodPut, "/others", `{"flushEveryMs":50}`) // so that there are many
		}, finds: "were recorded more than once:"},
		{name: "bands are deleted", during: func(tw *twin, r *rand.Rand) {
			tw.breaks(`{}`)
			tw.must(http.MethodPost, fmt.Sprintf("/bands/delete?share=%.4f", 0.001+0.02*r.Float64()), "")
		}, finds: "lost: redirected to"},
		{name: "pipelines are lost", during: func(tw *twin, r *rand.Rand) {
			tw.breaks(fmt.Sprintf(`{"upstash":{"errorRate":%.3f,"status":429}}`, 0.05+0.5*r.Float64()))
		}, finds: "lost: redirected to"},
		{name: "the KV has bands under another event", before: func(tw *twin, r *rand.Rand) counts {
			return counts{OtherEvent: tw.misplaces(r, 1, "live")}
		}, finds: "under another event than"},
		{name: "the KV has bands in another mode", before: func(tw *twin, r *rand.Rand) counts {
			return counts{OtherMode: tw.misplaces(r, 0, "post")}
		}, finds: "as another mode than"},
		{name: "the KV is empty", before: func(tw *twin, _ *rand.Rand) counts { return counts{} }, during: func(tw *twin, _ *rand.Rand) {
			tw.breaks(`{}`)
			tw.must(http.MethodDelete, "/kv", "")
		}, finds: allWell},
		{name: "much at once", before: func(tw *twin, r *rand.Rand) counts {
			return counts{OtherEvent: tw.misplaces(r, 2, "live")}
		}, during: func(tw *twin, r *rand.Rand) {
			tw.breaks(fmt.Sprintf(`{"database":{"replyLostRate":%.3f},"upstash":{"errorRate":%.3f}}`, 0.5*r.Float64(), 0.2*r.Float64()))
			tw.must(http.MethodPut, "/others", `{"flushEveryMs":50}`)
		}, finds: "once, as they should be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tw, random := startTwin(t), chance(t)
			var want counts
			if c.before != nil {
				want = c.before(tw, random)
			}
			set := make(chan struct{})
			go func() {
				defer close(set)
				if c.during != nil {
					c.during(tw, random)
				}
			}()
			r := runAudit(t, tw)
			<-set
			ledger, got := tw.ledger(), r.outcome()
			want.Taps = ledger.KV + ledger.Hub - preflightTaps
			want.Lost, want.Duplicates = ledger.Lost+ledger.Dropped, ledger.Duplicated
			if under := got.OtherEvent.Count; under < want.OtherEvent && under >= want.OtherEvent-want.Lost {
				want.OtherEvent = under // those that were lost are under none
			}
			if got.counts() != want {
				t.Errorf("the audit finds %+v, the twin %+v; its ledger is %+v", got.counts(), want, ledger)
			}
			t.Logf("%+v, %d as they should be", got.counts(), got.Once)
			amiss := want != counts{Taps: want.Taps}
			if amiss != (got.Once < got.Taps) {
				t.Errorf("%d of %d taps are as they should be; the twin: %+v", got.Once, got.Taps, want)
			}
			finds := c.finds
			if amiss && finds == allWell {
				finds = "audit  " // on a slow machine the twin may lose some by itself
			}
			r.wants(map[bool]int{false: 0, true: 99}[amiss], finds)
		})
	}
}

// must is a request to the twin's control, from goroutines too.
func (tw *twin) must(method, path, body string) {
	if _, err := tw.ask(method, path, body); err != nil {
		tw.t.Error(err)
	}
}

// misplaces gives some bands a value in the KV that names the event so many further on, and a mode, and returns how many.
func (tw *twin) misplaces(r *rand.Rand, further int, mode string) (n int64) {
	events := strings.Split(tw.env["LOADTEST_EVENT_IDS"], ",")
	for _, i := range r.Perm(100)[:1+r.IntN(40)] { // the first that are tapped: k6 may drop some of the last
		event := r.IntN(3)
		band := fmt.Sprintf("LOADTEST-E%d-%06d", event+1, i+2) // preflight taps the first
		tw.must(http.MethodPut, "/kv?key=127:"+band, fmt.Sprintf(`{"url":"https://compassion.com/live","eventId":%q,"mode":%q,"windowId":null}`,
			events[(event+further)%3], mode))
		n++
	}
	return n
}

// TestAuditAmongOthers: taps of others are told, also of a band that the audit taps, and are none of its own.
func TestAuditAmongOthers(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.control(http.MethodPut, "/others", `{"tapsPerSecond":40}`)
	r := runAudit(t, tw, "-e", "RATE=150")
	tw.control(http.MethodDelete, "/others", "") // which ends with what it has begun
	var s struct {
		Ledger struct{ KV int64 }
		Others struct{ Taps int64 }
	}
	if err := json.Unmarshal(tw.control(http.MethodGet, "/stats", ""), &s); err != nil {
		t.Fatal(err)
	}
	got := r.outcome()
	if taps := s.Ledger.KV - preflightTaps - s.Others.Taps; got.Taps != taps || got.Once != taps {
		t.Errorf("the audit finds %+v, %d as they should be; the twin counts %+v", got.counts(), got.Once, s)
	}
	if n := got.Unexpected.Count; n == 0 || n > s.Others.Taps {
		t.Errorf("%d taps of others are told, they made %d", n, s.Others.Taps)
	}
	r.wants(99, "taps), but other taps were recorded as well", "were not made by this audit")
}

// TestAuditRefuses what it can't audit, in words, and never passes.
func TestAuditRefuses(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a part of a run", []string{"--execution-segment", "0:1/2"}, 108, "an audit needs all of its taps in one process"},
		{"more taps than bands", []string{"-e", "LOADTEST_BANDS=50"}, 107, "TAPS must not exceed the bands, which are 150 by LOADTEST_BANDS, got "},
		{"no teardown", []string{"--no-teardown"}, 99, "audit_recorded"},
		{"one event", []string{"-e", "LOADTEST_EVENT_IDS=" + tw.env["LOADTEST_EVENT_ID"], "-e", "DIRECT_URL="}, 108, "LOADTEST_EVENT_IDS must name one event for each"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runAudit(t, tw, c.args...).wants(c.code, c.says)
		})
	}
}

// TestAuditOfStuckQueue: what can't be flushed is not called lost.
func TestAuditOfStuckQueue(t *testing.T) {
	t.Parallel()
	tw := startTwin(t, "-flush-time", "100ms")
	set := make(chan struct{})
	go func() {
		defer close(set)
		tw.breaks(`{"database":{"errorRate":1}}`)
	}()
	r := runAudit(t, tw)
	<-set
	r.wants(107, "taps are still in the queue after 10 flushes", "The audit can't tell waiting taps from lost ones")
}
