package capacity

import (
	"testing"
	"time"
)

// BenchmarkRecorder measures what counting one tap costs, in the run and in its plateau: every VU waits its turn for it.
func BenchmarkRecorder(b *testing.B) {
	r := &Recorder{}
	r.Schedule("tappers", holding(time.Minute, 1000))
	r.StopWhen(usualStop)
	began := time.Unix(1_800_000_000, 0)
	tap := Tap{
		Latency: 5 * time.Millisecond, First: true, Redirected: true, Host: "compassion.com", Page: true, SourceKnown: true, FromKV: true,
		Scenario: "tappers", Start: began,
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		tap.Began = began.Add(time.Duration(n%59_000) * time.Millisecond)
		tap.Ended = tap.Began.Add(tap.Latency)
		r.Tap(tap)
	}
}
