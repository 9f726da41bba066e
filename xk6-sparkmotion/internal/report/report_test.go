package report

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

var update = flag.Bool("update", false, "write the golden files")

// held is a plateau in a test: what the system was asked for and what it did.
type held struct {
	rate, answered float64 // taps/s
	p50, p95       float64 // ms, of the taps that were answered in time
	failed         float64 // share of taps, each after 10 s
	missed         float64 // share of KV
	late           float64 // share of the generator's beats
}

// run makes a run of plateaus with a flush every 15 s that moves drain taps a second at most.
func run(hold time.Duration, drain float64, plateaus ...held) capacity.Measured {
	r := &capacity.Recorder{}
	plan := capacity.Plan{Hold: hold}
	for _, h := range plateaus {
		plan.Rates, plan.Names = append(plan.Rates, h.rate), append(plan.Names, capacity.Rate(h.rate))
	}
	r.Plan(plan)
	depth := 0.0
	for i, h := range plateaus {
		from := time.Duration(i) * hold
		tapsOf(r, from, hold, h)
		admins(r, from, hold, h)
		for at := from + 15*time.Second; at <= from+hold; at += 15 * time.Second {
			arrived := 15 * h.answered * (1 - h.failed) * (1 - h.missed)
			r.Sample(began.Add(at-5*time.Second), int64(depth+arrived*2/3))
			depth += arrived
			moved := math.Floor(min(depth, 15*drain))
			depth -= moved
			r.Flush(began.Add(at-time.Millisecond), int64(moved), int64(depth), false)
		}
	}
	return r.Measured()
}

var began = time.Date(2026, 6, 12, 20, 30, 0, 0, time.UTC)

// tapsOf makes a plateau's taps: log-normal latencies, in an order that looks like chance and is none.
func tapsOf(r *capacity.Recorder, from, hold time.Duration, h held) {
	sigma := math.Log(h.p95/h.p50) / 1.645
	n := int(h.answered * hold.Seconds())
	for i := range n {
		_, u := math.Modf(float64(i+1) * math.Phi)
		took := h.p50 * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*u-1))
		at := began.Add(from + time.Duration((float64(i)+u)/float64(n+1)*float64(hold)))
		ok := !every(h.failed, i)
		if !ok {
			took = 10_000
		}
		latency := time.Duration(took * float64(time.Millisecond))
		r.Tap(capacity.Tap{
			Began: at, Ended: at.Add(latency), Latency: latency, First: true, Redirected: ok, FromKV: ok && !every(h.missed, i), Scenario: began,
		})
	}
}

// admins makes what is seen of the rest: 4 queries a second, 2 exports in 30 s, and 100 beats a second.
func admins(r *capacity.Recorder, from, hold time.Duration, h held) {
	busy := 1 + h.answered/2000
	for at := time.Duration(0); at < hold; at += 250 * time.Millisecond {
		r.Query(began.Add(from+at), time.Duration(busy*float64(120+at.Milliseconds()%97)*1e6), false)
		r.QueryEnded(began.Add(from+at), false)
	}
	for at := time.Duration(0); at < hold; at += 15 * time.Second {
		r.Query(began.Add(from+at), time.Duration(busy*float64(900+at.Milliseconds()%310)*1e6), true)
		r.QueryEnded(began.Add(from+at), false)
	}
	for i := range int(hold.Seconds() * 100) {
		lag := time.Duration(200+i*37%1500) * time.Microsecond
		if every(h.late, i) {
			lag = 24 * time.Millisecond
		}
		r.Lag(began.Add(from+time.Duration(i)*10*time.Millisecond), lag, lag > 10*time.Millisecond)
	}
}

// every picks a share of whole numbers, evenly.
func every(share float64, n int) bool { return int(share*float64(n+1)) > int(share*float64(n)) }

func judge(m capacity.Measured) *capacity.Report {
	return capacity.Judge(m, capacity.Limits, func(capacity.Limit) (float64, bool) { return 0, false })
}

// fixtures are reports of runs as they come; making them takes a while.
var fixtures = sync.OnceValue(func() map[string]*capacity.Report {
	few := &capacity.Recorder{}
	for i := range 7 {
		at := began.Add(time.Duration(i) * time.Second)
		few.Tap(capacity.Tap{Began: at, Ended: at, Latency: 4 * time.Millisecond, First: true, Redirected: true, FromKV: true})
	}
	return map[string]*capacity.Report{
		"breaks": judge(run(2*time.Minute, 4200,
			held{500, 500, 3.1, 6.2, 0, 0.0002, 0},
			held{1000, 1000, 3.2, 6.9, 0, 0.0002, 0},
			held{2500, 2500, 3.6, 9.1, 0, 0.0002, 0.001},
			held{5000, 5000, 5.8, 24, 0.00002, 0.0003, 0.002},
			held{7500, 7480, 31, 138, 0.004, 0.0004, 0.004},
			held{10000, 8860, 240, 910, 0.047, 0.0009, 0.011},
		)),
		"generator": judge(run(30*time.Second, 9000,
			held{500, 500, 3.1, 6.2, 0, 0.0002, 0},
			held{1000, 1000, 3.2, 6.9, 0, 0.0002, 0.01},
			held{2500, 2450, 8, 61, 0, 0.0002, 0.19},
			held{5000, 3900, 60, 420, 0, 0.0002, 0.74},
		)),
		"few":           judge(few.Measured()),
		"nothing holds": judge(run(5*time.Second, 1, held{2, 2, 40, 80, 0, 0, 0}, held{20, 20, 60, 140, 0.2, 0.2, 0})),
	}
})

var header = Run{Title: "e2e-load.js", Began: began, Took: 12*time.Minute + 30*time.Second, K6: "v2.2.0"}

// forms are all forms of a report, by the endings of their files.
func forms(t *testing.T, r *capacity.Report) map[string]string {
	t.Helper()
	var text, colours, markdown, page bytes.Buffer
	for _, err := range []error{Terminal(&text, r, false), Terminal(&colours, r, true), Markdown(&markdown, r), HTML(&page, r, header)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"txt": text.String(), "ansi": colours.String(), "md": markdown.String(), "html": page.String()}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, r := range fixtures() {
		for ending, got := range forms(t, r) {
			file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+"."+ending)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; go test -update ./... writes it anew. Got\n%s", file, got)
			}
		}
	}
}

var _ = []any{fmt.Sprint, html.Parse, regexp.MustCompile, slices.Sort[[]int], strconv.Itoa, utf8.RuneCountInString}
