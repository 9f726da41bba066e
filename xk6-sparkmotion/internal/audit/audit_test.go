package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	start  = time.Date(2026, 6, 1, 19, 0, 0, 0, time.UTC)
	events = []Event{{"a", "E1-"}, {"b", "E2-"}}
	sure   = Expectation{Events: events, Mode: "live", Sure: Window{start, start.Add(time.Hour)}}
)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// tapped is a set of bands that were all redirected, one a millisecond.
func tapped(t *testing.T, bands ...string) *Set {
	t.Helper()
	s := new(Set)
	s.Agent()
	for i, band := range bands {
		if err := s.Begin(band, at(i)); err != nil {
			t.Fatal(err)
		}
		s.End(band, Redirected, at(i+1))
	}
	return s
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	const own, other = "own", "other"
	type row struct{ band, event, mode, agent string }
	numbers := func(o *Outcome) string {
		return fmt.Sprint(o.Taps, o.Once, " lost ", o.Lost.Count, " duplicated ", o.Duplicated.Count, o.DuplicateRows, " event ", o.OtherEvent.Count,
			" mode ", o.OtherMode.Count, " unexpected ", o.Unexpected.Count, " repeated ", o.Repeated, " unanswered ", o.Unanswered, o.UnansweredRecorded)
	}
	for _, c := range []struct {
		name   string
		rows   []row // the event is its ID
		change func(*Set)
		want   string
		says   string // the last sentence
	}{
		{"all is well", []row{{"E1-1", "a", "live", own}, {"E2-1", "b", "LIVE", own}}, nil,
			"2 2 lost 0 duplicated 0 0 event 0 mode 0 unexpected 0 repeated 0 unanswered 0 0", "Every tap was recorded once: 2 taps, under their bands' events."},
		{"one is lost", []row{{"E1-1", "a", "live", own}}, nil,
			"2 1 lost 1 duplicated 0 0 event 0 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was lost: redirected to its page, but recorded nowhere: E2-1 at 2026-06-01T19:00:00.001Z"},
		{"a loss that a duplicate makes up for", []row{{"E1-1", "a", "live", own}, {"E1-1", "a", "live", own}}, nil,
			"2 0 lost 1 duplicated 1 1 event 0 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded more than once: 1 row too many: E1-1 at 2026-06-01T19:00:00.000Z (2 rows)"},
		{"three times", []row{{"E1-1", "a", "live", own}, {"E1-1", "a", "live", own}, {"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}}, nil,
			"2 1 lost 0 duplicated 1 2 event 0 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded more than once: 2 rows too many: E1-1 at 2026-06-01T19:00:00.000Z (3 rows)"},
		{"under another event of the audit", []row{{"E1-1", "b", "live", own}, {"E2-1", "b", "live", own}}, nil,
			"2 1 lost 0 duplicated 0 0 event 1 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded under another event than its band's: E1-1 at 2026-06-01T19:00:00.000Z (under named b)"},
		{"under an event that nobody knows", []row{{"E1-1", "c", "live", own}, {"E2-1", "b", "live", own}}, nil,
			"2 1 lost 0 duplicated 0 0 event 1 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded under another event than its band's: E1-1 at 2026-06-01T19:00:00.000Z (under named c)"},
		{"under both", []row{{"E1-1", "c", "live", own}, {"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}}, nil,
			"2 1 lost 0 duplicated 1 1 event 1 mode 0 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded under another event than its band's: E1-1 at 2026-06-01T19:00:00.000Z (under named c)"},
		{"as another mode", []row{{"E1-1", "a", "post", own}, {"E2-1", "b", "live", own}}, nil,
			"2 1 lost 0 duplicated 0 0 event 0 mode 1 unexpected 0 repeated 0 unanswered 0 0",
			"1 tap was recorded as another mode than its event shows: E1-1 at 2026-06-01T19:00:00.000Z (post)"},
		{"others' taps", []row{{"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}, {"E1-1", "a", "live", other}, {"E1-7", "a", "live", other}, {"REAL-1", "a", "live", other}}, nil,
			"2 2 lost 0 duplicated 0 0 event 0 mode 0 unexpected 2 repeated 0 unanswered 0 0",
			"2 recorded taps of these events' bands were not made by this audit: E1-1 at 2026-06-01T19:00:01.000Z (under named a), E1-7 at 2026-06-01T19:00:01.000Z (under named a)"},
		{"no User-Agent is recorded", []row{{"E1-1", "a", "live", other}, {"E2-1", "b", "live", other}}, nil,
			"2 0 lost 2 duplicated 0 0 event 0 mode 0 unexpected 2 repeated 0 unanswered 0 0",
			"No row has the audit's User-Agent. If something in front of the Worker changes it, an audit can't find its taps."},
		{"a band that nobody tapped, as one of the run", []row{{"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}, {"X", "a", "live", own}}, nil,
			"2 2 lost 0 duplicated 0 0 event 0 mode 0 unexpected 1 repeated 0 unanswered 0 0",
			"1 recorded tap of these events' bands was not made by this audit: X at 2026-06-01T19:00:01.000Z (under named a)"},
		{"one was sent twice, and recorded twice", []row{{"E1-1", "a", "live", own}, {"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}},
			func(s *Set) { s.End("E1-1", Repeated, at(2)) },
			"2 2 lost 0 duplicated 0 0 event 0 mode 0 unexpected 0 repeated 1 unanswered 0 0",
			"1 tap was recorded more than once because this machine sent the request twice: a kept connection closed before the answer. The system is not at fault."},
		{"one had no answer, and was recorded", []row{{"E1-1", "a", "live", own}, {"E2-1", "b", "live", own}},
			func(s *Set) { s.End("E1-1", None, at(2)) },
			"1 1 lost 0 duplicated 0 0 event 0 mode 0 unexpected 0 repeated 0 unanswered 1 1",
			"1 tap was redirected elsewhere or not answered; the audit doesn't judge such taps (1 is recorded)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := tapped(t, "E1-1", "E2-1")
			if c.change != nil {
				c.change(s)
			}
			var all []Row
			under := make([][]Row, len(events))
			for _, r := range c.rows {
				row := Row{Band: r.band, Event: "named " + r.event, At: at(1000), Mode: r.mode, Agent: r.agent}
				if r.agent == own {
					row.Agent = s.Agent()
				}
				all = append(all, row)
				if i := slices.IndexFunc(events, func(e Event) bool { return e.ID == r.event }); i >= 0 {
					under[i] = append(under[i], row)
				}
			}
			reading := s.Read(sure)
			reading.All(all)
			for i, rows := range under {
				reading.Under(i, rows)
			}
			o := reading.Outcome()
			if got := numbers(o); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			said := o.Sentences()
			if got := said[len(said)-1]; got != c.says {
				t.Errorf("says %s\nwant %s", got, c.says)
			}
			if o.Well() != (len(c.want) > 0 && o.Once == o.Taps && o.Unexpected.Count == 0) {
				t.Errorf("Well is %t", o.Well())
			}
		})
	}
}

// TestOutsideOfTheRun: rows of others before and after the run are nothing to it.
func TestOutsideOfTheRun(t *testing.T) {
	t.Parallel()
	s := tapped(t, "E1-1")
	reading := s.Read(sure)
	reading.All([]Row{{Band: "E1-2", At: start.Add(-time.Millisecond)}, {Band: "E1-2", At: start.Add(time.Hour + time.Millisecond)}})
	if o := reading.Outcome(); o.Unexpected.Count != 0 {
		t.Errorf("%+v", o)
	}
}

// TestFirstTen: more are counted than named.
func TestFirstTen(t *testing.T) {
	t.Parallel()
	var bands []string
	for i := range 1234 {
		bands = append(bands, fmt.Sprintf("E1-%06d", i))
	}
	o := tapped(t, bands...).Read(sure).Outcome()
	said := o.Sentences()
	if o.Lost.Count != 1234 || len(o.Lost.First) != shown || said[0] != "Of 1,234 taps that were redirected, 0 are recorded once, as they should be." ||
		!strings.HasPrefix(said[1], "1,234 taps were lost: redirected to their page, but recorded nowhere: E1-000000 at ") || !strings.HasSuffix(said[1], ", …") {
		t.Errorf("%d named, %q", len(o.Lost.First), said)
	}
}

// TestOfManyEvents: names beyond those that are kept apart are still told.
func TestOfManyEvents(t *testing.T) {
	t.Parallel()
	s := tapped(t, "E1-1")
	reading := s.Read(sure)
	for i := range 40 {
		reading.All([]Row{{Band: "E1-1", Event: fmt.Sprint("event ", i), At: at(1), Mode: fmt.Sprint("mode ", i), Agent: s.Agent()}})
	}
	o := reading.Outcome()
	if o.DuplicateRows != 39 || len(strings.Split(o.OtherEvent.First[0].Event, ", ")) != 40 || len(strings.Split(o.OtherMode.First[0].Mode, ", ")) != 40 {
		t.Errorf("%+v", o)
	}
}

func TestJSONHasLists(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(tapped(t, "E1-1").Read(sure).Outcome())
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestBegin(t *testing.T) {
	t.Parallel()
	s := tapped(t, "E1-1")
	if err := s.Begin("E1-1", start); err == nil || !strings.Contains(err.Error(), "E1-1 was tapped before") {
		t.Error(err)
	}
	if err := s.Begin("E1-2", at(5)); err != nil { // under way
		t.Error(err)
	}
	if n := s.Redirected(); n != 1 {
		t.Errorf("%d were redirected", n)
	}
	if got := s.Span(); got != (Window{at(0).Local(), at(5).Local()}) {
		t.Errorf("%v", got)
	}
	full := Set{taps: make([]tap, MaxTaps)}
	if err := full.Begin("E1-1", start); err == nil || !strings.Contains(err.Error(), "make fewer") {
		t.Error(err)
	}
	if got := new(Set).Span(); got != (Window{}) {
		t.Errorf("%v of none", got)
	}
}

// TestMemory holds a set to what MaxTaps says. It runs alone.
func TestMemory(t *testing.T) {
	const n = 100_000
	var before, after runtime.MemStats
	s := new(Set)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		if err := s.Begin(fmt.Sprintf("LOADTEST-E1-%06d", i), start); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	taps := float64(after.HeapAlloc-before.HeapAlloc) / n
	reading := s.Read(sure)
	runtime.GC()
	runtime.ReadMemStats(&before)
	seen := float64(before.HeapAlloc-after.HeapAlloc) / n
	t.Logf("%.0f bytes a tap, %.0f more while rows are read", taps, seen)
	if taps > 150 || seen > 20 {
		t.Errorf("a tap takes %.0f bytes, and %.0f while rows are read", taps, seen)
	}
	runtime.KeepAlive(reading)
}

// TestPages exports random rows, some at the same moment, in pages of few, and wants each once.
func TestPages(t *testing.T) {
	t.Parallel()
	seed := uint64(1)
	if os.Getenv("CI") == "" {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		whole := Window{at(r.IntN(100)), at(100 + r.IntN(900))}
		var rows []Row
		for n := range r.IntN(300) {
			rows = append(rows, Row{Band: fmt.Sprint(n), At: at(r.IntN(1100))})
		}
		limit := 12 // above what a millisecond has
		var got, want []string
		largest := 0
		err := Pages(whole, limit, exporter(rows, limit), func(page []Row) {
			largest = max(largest, len(page))
			for _, row := range page {
				got = append(got, row.Band)
			}
		})
		for _, row := range rows {
			if whole.Contains(row.At) {
				want = append(want, row.Band)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) || largest >= limit {
			t.Fatalf("%v; %d rows of %d, up to %d at once, %v", whole, len(got), len(want), largest, err)
		}
	}
}

// exporter answers as exportTaps does: the newest first, and no more than a limit.
func exporter(rows []Row, limit int) func(Window) ([]Row, error) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b Row) int { return b.At.Compare(a.At) })
	return func(w Window) ([]Row, error) {
		var page []Row
		for _, row := range rows {
			if w.Contains(row.At) && len(page) < limit {
				page = append(page, row)
			}
		}
		return page, nil
	}
}

func TestPagesFail(t *testing.T) {
	t.Parallel()
	crowd := slices.Repeat([]Row{{At: at(7)}}, 5)
	err := Pages(Window{at(0), at(1000)}, 5, exporter(crowd, 5), func([]Row) {})
	if err == nil || !strings.Contains(err.Error(), "the single millisecond 2026-06-01T19:00:00.007Z has 5 rows") {
		t.Error(err)
	}
	wrong := errors.New("wrong")
	if err := Pages(Window{at(0), at(9)}, 5, func(Window) ([]Row, error) { return nil, wrong }, nil); !errors.Is(err, wrong) {
		t.Error(err)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	var c Clock
	if c.See("", start, start) || c != (Clock{}) {
		t.Errorf("no Date shows %+v", c)
	}
	// The first is 10 s ahead, the second 5 s behind; each may be up to a second more, and took 200 ms to answer.
	for _, ahead := range []int{10, -5} {
		date := start.Add(time.Duration(ahead) * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT")
		if !c.See(date, at(0), at(200)) {
			t.Fatal(date)
		}
	}
	if want := (Clock{-5200 * time.Millisecond, 11 * time.Second, true}); c != want {
		t.Errorf("%+v", c)
	}
	run := Window{at(0), at(60_000)}
	if got, want := c.Around(run), (Window{at(-6200), at(72_000)}); got != want {
		t.Errorf("around: %v", got)
	}
	if got, want := c.Within(run), (Window{at(12_000), at(53_800)}); got != want {
		t.Errorf("within: %v", got)
	}
}

// TestClockOfRows: whatever the clocks of two servers, each tap bounds its own's, and no other row does.
func TestClockOfRows(t *testing.T) {
	t.Parallel()
	s := tapped(t, "E1-1", "E1-2", "E1-3", "E1-4")
	s.End("E1-3", Redirected, at(502)) // after half a second
	s.End("E1-4", None, at(4))
	row := func(band string, ms int, agent string) Row { return Row{Band: band, Agent: agent, At: at(ms)} }
	var c Clock
	own := c.SeeRows(s, []Row{
		row("E1-1", 10_000, s.Agent()), row("E1-2", -7000, s.Agent()), row("E1-3", 400, s.Agent()),
		row("E1-1", 99_000, "phone"), row("E1-4", 99_000, s.Agent()), row("E1-9", 99_000, s.Agent()),
	})
	if want := (Clock{-7002 * time.Millisecond, 10 * time.Second, true}); own != 3 || c != want {
		t.Errorf("%d rows, %+v", own, c)
	}
	if got := c.Wider(time.Minute); got != (Clock{-67_002 * time.Millisecond, 70 * time.Second, true}) {
		t.Errorf("wider: %+v", got)
	}
}

func TestParseRows(t *testing.T) {
	t.Parallel()
	const one = `{"bandId":"E1-1","eventName":"N","eventCity":null,"tappedAt":"2026-06-01T19:00:00.000Z","modeServed":"live","redirectUrl":"u","ipAddress":null,"userAgent":null}`
	row := Row{Band: "E1-1", Event: "N", At: start, Mode: "live"}
	for data, want := range map[string][]Row{
		"[]": {}, "[" + one + "]": {row}, `{"json":[` + one + `,` + one + `]}`: {row, row},
		` {"json":[` + one + `],"meta":{"values":{"0.tappedAt":["Date"]}}}`: {row},
	} {
		if got, err := ParseRows(json.RawMessage(data)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", data, got, err)
		}
	}
	for _, data := range []string{"", "null", "{}", `{"json":null}`, "7", `[{"bandId":"E1-1"}]`, `[{"tappedAt":"2026-06-01T19:00:00.000Z"}]`,
		`[{"bandId":"E1-1","tappedAt":"yesterday"}]`, `[7]`} {
		if got, err := ParseRows(json.RawMessage(data)); err == nil {
			t.Errorf("%s: %v", data, got)
		}
	}
}

// FuzzParseRows holds that whatever comes is an error or rows that can be looked for.
func FuzzParseRows(f *testing.F) {
	f.Add(`[{"bandId":"E1-1","tappedAt":"2026-06-01T19:00:00.000Z"}]`)
	f.Add(`{"json":[{"bandId":"E1-1","tappedAt":"2026-06-01T19:00:00+02:00","userAgent":"\ud800"}]}`)
	f.Add(`{"json":{"json":[]}}`)
	f.Fuzz(func(t *testing.T, data string) {
		rows, err := ParseRows(json.RawMessage(data))
		if (err == nil) == (rows == nil) {
			t.Errorf("%q: %v, %v", data, rows, err)
		}
		for _, row := range rows {
			if row.Band == "" || row.At.IsZero() {
				t.Errorf("%q: %+v", data, row)
			}
		}
	})
}
