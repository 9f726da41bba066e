package capacity

import (
	"encoding/json"
	"testing"
	"time"
)

// Taps at the edges of a plateau: those cut off by the end of the run did start, so they were not dropped; those of other scenarios and of
// teardown() belong to the run.
func TestTapsOfAPlateau(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_800_000_000, 0)
	r := &Recorder{}
	r.Schedule("tappers", holding(10*time.Second, 100))
	for n := range 1000 {
		at := began.Add(time.Duration(n) * 10 * time.Millisecond)
		r.Tap(Tap{Began: at, Ended: at, First: true, Iteration: int64(n), Redirected: true, FromKV: true, Scenario: "tappers", Start: began, CutOff: n%20 == 0})
		r.Tap(Tap{Began: at, Ended: at, First: true})
	}
	r.Tap(Tap{Began: began.Add(time.Minute), Ended: began.Add(time.Minute), First: true})
	report := Judge(r.Measured("0:1", all), Limits, nil)
	p := report.Plateaus[0]
	if p.Counts.Taps != 950 || p.Counts.CutOff != 50 || p.Dropped != 0 || p.Seconds != 9.99 || report.Whole.Taps != 1951 {
		t.Errorf("%d taps, %d cut off, %d dropped in %v s; %d in the run", p.Counts.Taps, p.Counts.CutOff, p.Dropped, p.Seconds, report.Whole.Taps)
	}
}

// The lag probe and late VUs continue while the report is made, which does not change what was measured.
func TestMeasuredIsTheCallers(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	r.Schedule("tappers", holding(time.Minute, 50))
	began := time.Unix(1_800_000_000, 0)
	goOn := func(n int) {
		at := began.Add(time.Duration(n%1000) * 50 * time.Millisecond)
		r.Lag(Lag{At: at, Lag: time.Duration(n) * time.Microsecond, Late: n%9 == 0})
		r.Tap(Tap{Began: at, Ended: at, Latency: time.Duration(n%70) * time.Millisecond, First: true, Redirected: true, Scenario: "tappers", Start: began})
		r.Query(Query{Began: at, Took: time.Second, Export: n%2 == 0, Queries: 1})
	}
	for n := range 1000 {
		goOn(n)
	}
	m := r.Measured("0:1", all)
	want := written(t, m)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				goOn(n)
			}
		}
	}()
	for range 3 {
		if got := written(t, m); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
			break
		}
	}
	close(stop)
	<-stopped
}

// written returns the report of what was measured, in JSON.
func written(t *testing.T, m Measured) string {
	t.Helper()
	text, err := json.Marshal(Judge(m, Limits, nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A flush or a look at the queue without an answer is counted, but says nothing about the depth.
func TestWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	began := time.Unix(1_800_000_000, 0)
	r.Tap(Tap{Began: began, Ended: began, Scenario: "tappers", Start: began})
	r.Flush(Flush{Ended: began.Add(time.Second)})
	r.Flush(Flush{Ended: began.Add(2 * time.Second), Answered: true, Flushed: 7, Remaining: 5, Failed: true})
	r.Flush(Flush{Ended: began.Add(3 * time.Second), Answered: true, Flushed: 5})
	r.QueueSample(QueueSample{At: began.Add(4 * time.Second), Failed: true})
	r.QueueSample(QueueSample{At: began.Add(5 * time.Second), Depth: 9})
	m := r.Measured("0:1", all)
	c := m.Whole
	if c.Flushes != 3 || c.FlushesFailed != 2 || c.Flushed != 12 || c.Samples != 2 || c.SamplesFailed != 1 {
		t.Errorf("got %+v", c)
	}
	depths := []Depth{{2, 5, 7}, {3, 0, 5}, {5, 9, 0}}
	if len(m.Series.Depth) != 3 || m.Series.Depth[0] != depths[0] || m.Series.Depth[1] != depths[1] || m.Series.Depth[2] != depths[2] {
		t.Errorf("got %v, want %v", m.Series.Depth, depths)
	}
}

// Where taps lead, what fails and what exports returned is counted in the run and in its plateau; refusals and empty exports have no
// latency.
func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	began := time.Unix(1_800_000_000, 0)
	r.Schedule("tappers", holding(time.Minute, 5))
	for _, tap := range []Tap{
		{Redirected: true, Host: "compassion.com", Page: true, SourceKnown: true, FromKV: true},
		{Redirected: true, Host: "compassion.com", Page: true, SourceKnown: true},
		{Redirected: true, Host: "compassion.com", Page: true, FromKV: true},
		{Redirected: true, Host: "another.example"},
		{Host: "sparkmotion.net", Fallback: true, Failure: "tap: fallback"},
		{Failure: "tap: 503"},
		{},
	} {
		tap.Began, tap.Ended, tap.Scenario, tap.Start = began, began, "tappers", began
		r.Tap(tap)
	}
	for _, q := range []Query{
		{Queries: 1},
		{Queries: 3, Failed: 2, Failures: []string{"analytics.kpis: BAD_REQUEST"}},
		{Queries: 1, Export: true, Rows: 10, Bytes: 900},
		{Queries: 1, Export: true, Empty: true},
		{Queries: 1, Export: true, Failed: 1, Failures: []string{"analytics.exportTaps: 500"}},
	} {
		q.Began, q.Took = began, time.Second
		r.Query(q)
	}
	r.Flush(Flush{Ended: began, Answered: true, Flushed: 60, Dropped: 40, Failed: true})
	r.Flush(Flush{Ended: began, Failure: "flush: 500"})
	r.QueueSample(QueueSample{At: began, Failed: true, Failure: "queue sample: 429"})
	r.Tap(Tap{Began: began.Add(time.Second), Ended: began.Add(time.Second), CutOff: true, Scenario: "tappers", Start: began, Host: "compassion.com"})
	m := r.Measured("0:1", all)
	for _, c := range []Counts{m.Whole, m.Plateaus[0].Counts} {
		if c.Taps != 7 || c.Redirected != 4 || c.Told != 2 || c.Hits != 1 || c.Redirects.Elsewhere() != 2 {
			t.Errorf("taps: %+v", c)
		}
		if c.Analytics.count() != 1 || c.Exports.count() != 1 || c.ExportsEmpty != 1 || c.ExportRows != 10 || c.ExportBytes != 900 || c.QueriesFailed != 3 {
			t.Errorf("queries: %+v", c)
		}
		if c.FlushesFailed != 2 || c.FlushesPartly != 1 || c.Flushed != 60 || c.FlushDropped != 40 {
			t.Errorf("flushes: %+v", c)
		}
		for name, tally := range map[string]Tally{
			`{"compassion.com":3}`: c.Redirects.Page, `{"sparkmotion.net":1}`: c.Redirects.Fallback, `{"another.example":1}`: c.Redirects.Other,
			`{"analytics.exportTaps: 500":1,"analytics.kpis: BAD_REQUEST":1,"flush: 500":1,"flush: failed batches":1,"query":1,` +
				`"queue sample: 429":1,"tap":1,"tap: 503":1,"tap: fallback":1}`: c.Failures,
		} {
			if got, _ := json.Marshal(tally); string(got) != name {
				t.Errorf("got %s, want %s", got, name)
			}
		}
		if all := c.Taps - c.Redirected + c.QueriesFailed + c.FlushesFailed + c.SamplesFailed; c.Failures.Sum() != all {
			t.Errorf("%d failures by kind of %d", c.Failures.Sum(), all)
		}
	}
	if rate := r.DropRate(); rate != 0.4 {
		t.Errorf("%v dropped", rate)
	}
}
