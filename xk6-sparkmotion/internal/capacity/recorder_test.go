package capacity

import (
	"encoding/json"
	"testing"
	"time"
)

// What is not a plateau's own: taps that the run's end cut off did start, so that they were not dropped; taps of other
// scenarios and of teardown() are the run's.
func TestTapsOfAPlateau(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_800_000_000, 0)
	r := &Recorder{}
	r.Schedule(Schedule{Rates: []float64{100}, Names: []string{"100"}, Hold: 10 * time.Second})
	for n := range 1000 {
		at := began.Add(time.Duration(n) * 10 * time.Millisecond)
		r.Tap(Tap{Began: at, Ended: at, First: true, Redirected: true, FromKV: true, Scenario: began, CutOff: n%20 == 0})
		r.Tap(Tap{Began: at, Ended: at, First: true})
	}
	r.Tap(Tap{Began: began.Add(time.Minute), Ended: began.Add(time.Minute), First: true})
	report := Judge(r.Measured("0:1", 1), Limits, nil)
	p := report.Plateaus[0]
	if p.Counts.Taps != 950 || p.Counts.CutOff != 50 || p.Dropped != 0 || p.Seconds != 9.99 || report.Whole.Taps != 1951 {
		t.Errorf("%d taps, %d cut off, %d dropped in %v s; %d in the run", p.Counts.Taps, p.Counts.CutOff, p.Dropped, p.Seconds, report.Whole.Taps)
	}
}

// The lag probe, and a VU that is late, go on while the report is made: what was measured stays as it was.
func TestMeasuredIsTheCallers(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	r.Schedule(Schedule{Rates: []float64{50}, Names: []string{"50"}, Hold: time.Minute})
	began := time.Unix(1_800_000_000, 0)
	goOn := func(n int) {
		at := began.Add(time.Duration(n%1000) * 50 * time.Millisecond)
		r.Lag(Lag{At: at, Lag: time.Duration(n) * time.Microsecond, Late: n%9 == 0})
		r.Tap(Tap{Began: at, Ended: at, Latency: time.Duration(n%70) * time.Millisecond, First: true, Redirected: true, Scenario: began})
		r.Query(Query{Began: at, Took: time.Second, Export: n%2 == 0, Queries: 1})
	}
	for n := range 1000 {
		goOn(n)
	}
	m := r.Measured("0:1", 1)
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

// written is the report of what was measured, in JSON.
func written(t *testing.T, m Measured) string {
	t.Helper()
	text, err := json.Marshal(Judge(m, Limits, nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A flush, or a look at the queue, that gave no answer is counted, and says nothing of the depth.
func TestWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	began := time.Unix(1_800_000_000, 0)
	r.Tap(Tap{Began: began, Ended: began, Scenario: began})
	r.Flush(Flush{Ended: began.Add(time.Second)})
	r.Flush(Flush{Ended: began.Add(2 * time.Second), Answered: true, Flushed: 7, Remaining: 5, Failed: true})
	r.Flush(Flush{Ended: began.Add(3 * time.Second), Answered: true, Flushed: 5})
	r.QueueSample(QueueSample{At: began.Add(4 * time.Second), Failed: true})
	r.QueueSample(QueueSample{At: began.Add(5 * time.Second), Depth: 9})
	m := r.Measured("0:1", 1)
	c := m.Whole
	if c.Flushes != 3 || c.FlushesFailed != 2 || c.Flushed != 12 || c.Samples != 2 || c.SamplesFailed != 1 {
		t.Errorf("got %+v", c)
	}
	depths := []Depth{{2, 5, 7}, {3, 0, 5}, {5, 9, 0}}
	if len(m.Series.Depth) != 3 || m.Series.Depth[0] != depths[0] || m.Series.Depth[1] != depths[1] || m.Series.Depth[2] != depths[2] {
		t.Errorf("got %v, want %v", m.Series.Depth, depths)
	}
}
