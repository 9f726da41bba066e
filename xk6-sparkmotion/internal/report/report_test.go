package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"maps"
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

var (
	update = flag.Bool("update", false, "write the golden files")
	leave  = flag.String("pages", "", "write the pages into this folder, for integration/browser")
)

// held is a plateau of a test: what the system was asked for, and what it did.
type held struct {
	rate, answered float64 // taps/s
	p50, p95       float64 // ms, of the taps that were answered in time
	failed         float64 // share of taps, each after 10 s
	missed         float64 // share of KV misses
	late           float64 // share of the generator's beats
}

// all is the share of a process that runs alone.
var all = []capacity.Share{{Scenario: "tappers", Of: 1}}

// run simulates a run of plateaus, with a flush every 15 s that moves up to drain taps a second.
func run(hold time.Duration, drain float64, plateaus ...held) capacity.Measured {
	r := &capacity.Recorder{}
	schedule := capacity.Schedule{}
	for _, h := range plateaus {
		schedule = schedule.Then(h.rate, h.rate, hold)
	}
	r.Schedule("tappers", schedule)
	depth, taps := 0.0, 0
	for i, h := range plateaus {
		from := time.Duration(i) * hold
		taps += tapsOf(r, taps, from, hold, h)
		admins(r, from, hold, h)
		for at := from + 15*time.Second; at <= from+hold; at += 15 * time.Second {
			arrived := 15 * h.answered * (1 - h.failed)
			r.QueueSample(capacity.QueueSample{At: began.Add(at - 5*time.Second), Depth: int64(depth + arrived*2/3)})
			depth += arrived
			moved := math.Floor(min(depth, 15*drain))
			depth -= moved
			r.Flush(capacity.Flush{Ended: began.Add(at - time.Millisecond), Answered: true, Flushed: int64(moved), Remaining: int64(depth)})
		}
	}
	return r.Measured("0:1", all)
}

var began = time.Date(2026, 6, 12, 20, 30, 0, 0, time.UTC)

// tapsOf makes a plateau's taps, numbered after those before it: log-normal latencies, in an order that only looks random.
func tapsOf(r *capacity.Recorder, before int, from, hold time.Duration, h held) (n int) {
	sigma := math.Log(h.p95/h.p50) / 1.645
	n = int(h.answered * hold.Seconds())
	for i := range n {
		_, u := math.Modf(float64(i+1) * math.Phi)
		took := h.p50 * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*u-1))
		at := began.Add(from + time.Duration((float64(i)+u)/float64(n+1)*float64(hold)))
		ok := !every(h.failed, i)
		if !ok {
			took = 10_000
		}
		latency := time.Duration(took * float64(time.Millisecond))
		tap := capacity.Tap{Began: at, Ended: at.Add(latency), Latency: latency, Iteration: int64(before + i), First: true, Scenario: "tappers", Start: began, Failure: "tap: timeout"}
		if ok {
			tap.Redirected, tap.Host, tap.Page, tap.SourceKnown, tap.FromKV = true, "compassion.com", true, true, !every(h.missed, i)
		}
		if !ok {
			r.Failed(capacity.Worker, tap.Failure, func() string { return "GET https://test_org.sparkmotion.net/e: no answer: request timeout after 10s" })
		}
		r.Tap(tap)
	}
	return n
}

// admins records the rest: 4 queries a second, 2 exports in 30 s, and 100 beats a second.
func admins(r *capacity.Recorder, from, hold time.Duration, h held) {
	busy := 1 + h.answered/2000
	for at := time.Duration(0); at < hold; at += 250 * time.Millisecond {
		ask(r, began.Add(from+at), busy*float64(120+at.Milliseconds()%97), false)
	}
	for at := time.Duration(0); at < hold; at += 15 * time.Second {
		ask(r, began.Add(from+at), busy*float64(900+at.Milliseconds()%310), true)
	}
	for i := range int(hold.Seconds() * 100) {
		lag := time.Duration(200+i*37%1500) * time.Microsecond
		if every(h.late, i) {
			lag = 24 * time.Millisecond
		}
		r.Lag(capacity.Lag{At: began.Add(from + time.Duration(i)*10*time.Millisecond), Lag: lag, Late: lag > 10*time.Millisecond})
	}
}

func ask(r *capacity.Recorder, at time.Time, ms float64, export bool) {
	r.Query(capacity.Query{Began: at, Took: time.Duration(ms * float64(time.Millisecond)), Export: export, Queries: 1, Procedures: map[bool]string{false: "analytics.kpis", true: "analytics.exportTaps"}[export]})
}

// every picks an even share of the whole numbers.
func every(share float64, n int) bool { return int(share*float64(n+1)) > int(share*float64(n)) }

// judge makes the report, with a verdict that does not change when sentences improve.
func judge(m capacity.Measured) *capacity.Report {
	r := capacity.Judge(m, capacity.Limits, nil)
	r.Verdict = []string{"What it comes to.", "What breaks first: the Worker, at a rate at which it did not before, and by how much it is over its limit.", "And the queue."}
	return r
}

// fixtures are reports of typical runs; making them takes a while.
var fixtures = sync.OnceValue(func() map[string]*capacity.Report {
	few := &capacity.Recorder{}
	for i := range 7 {
		at := began.Add(time.Duration(i) * time.Second)
		few.Tap(capacity.Tap{Began: at, Ended: at, Latency: 4 * time.Millisecond, First: true, Redirected: true, SourceKnown: true, FromKV: true})
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
		"scenarios":     scenarios(),
		"few":           judge(few.Measured("0:1", all)),
		"nothing holds": judge(run(5*time.Second, 1, held{2, 2, 40, 80, 0, 0, 0}, held{20, 20, 60, 140, 0.2, 0.2, 0})),
	}
})

// scenarios returns a report of two scenarios with the same plateaus; the other's name is as long as names get.
func scenarios() *capacity.Report {
	m := run(5*time.Second, 100, held{20, 20, 4, 8, 0, 0, 0}, held{40, 40, 4, 8, 0, 0, 0})
	other := run(5*time.Second, 100, held{20, 20, 40, 80, 0, 0, 0}, held{40, 40, 60, 140, 0.2, 0.2, 0})
	m.Scenarios = map[string]capacity.Scenario{strings.Repeat("other_", 30): {Plateaus: other.Plateaus}}
	return judge(m)
}

// Each scenario has a table of its taps, titled with its name.
func TestScenarioTables(t *testing.T) {
	t.Parallel()
	for ending, text := range forms(t, fixtures()["scenarios"]) {
		for _, title := range []string{"Taps by plateau, tappers", "Taps by plateau, other"} {
			if !strings.Contains(text, title) {
				t.Errorf("%s lacks %q", ending, title)
			}
		}
	}
	if text := forms(t, fixtures()["breaks"])["txt"]; strings.Contains(text, "Taps by plateau, ") {
		t.Errorf("one scenario has a name:\n%s", text)
	}
}

var header = capacity.Run{Began: &began, Seconds: 750, Host: "test_org.sparkmotion.net", Scale: 0.1}

// forms returns all forms of a report, by file extension.
func forms(t *testing.T, r *capacity.Report) map[string]string {
	t.Helper()
	var text, colours, markdown, page bytes.Buffer
	r = new(*r)
	r.Run = header
	for _, err := range []error{Terminal(&text, r, false), Terminal(&colours, r, true), Markdown(&markdown, r), HTML(&page, r)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"txt": text.String(), "ansi": colours.String(), "md": markdown.String(), "html": page.String()}
}

// The layout of a report where lines and columns matter; pages are checked for their structure.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"breaks.txt", "breaks.md"} {
		name, ending, _ := strings.Cut(file, ".")
		got, file := forms(t, fixtures()[name])[ending], filepath.Join("testdata", file)
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

// Each form has every sentence, every metric that has a column, and a row for every plateau; a page has them as table rows, too.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, r := range fixtures() {
		all := forms(t, r)
		for ending, text := range all {
			words := strings.Join(strings.Fields(regexp.MustCompile(`\x1b\[[0-9;]*m|<[^>]*>`).ReplaceAllString(text, " ")), " ")
			for _, sentence := range append(r.Verdict, string(r.Status)) {
				if !strings.Contains(words, sentence) {
					t.Errorf("%s.%s lacks %q", name, ending, sentence)
				}
			}
			for _, m := range r.Metrics {
				if !strings.Contains(words, m.Label) {
					t.Errorf("%s.%s lacks %s", name, ending, m.Label)
				}
			}
		}
		rows := 0
		for _, m := range capacity.Metrics {
			if page := all["html"]; m.Column.Head != "" && !m.Rare && strings.Contains(page, ">"+m.Column.Head+"</th>") != (len(r.Plateaus) > 0) {
				t.Errorf("%s: a page's tables and %s", name, m.Column.Head)
			}
		}
		for _, of := range []table{tapsTable(r), systemTable(r), failuresTable(r), volumeTable(r)} {
			rows += len(of.Rows)
			for _, row := range of.Rows {
				if len(row) != len(of.Head) || len(of.Align) != len(of.Head) {
					t.Errorf("%s: %s has a row of %d cells for %d heads", name, of.Name, len(row), len(of.Head))
				}
			}
		}
		if rows != 4*len(r.Plateaus) {
			t.Errorf("%s: %d rows for %d plateaus", name, rows, len(r.Plateaus))
		}
	}
}

// Whatever the figures, a terminal of 100 columns shows each row on one line, and colours don't change widths.
func TestWidth(t *testing.T) {
	t.Parallel()
	for name, r := range reports() {
		all := forms(t, r)
		plain := all["txt"]
		for line := range strings.Lines(plain) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
		if bare := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(all["ansi"], ""); bare != plain {
			t.Errorf("%s: without its colours it is\n%s\nwant\n%s", name, bare, plain)
		}
		if fails := strings.Contains(plain, string(capacity.Fail)); strings.Contains(all["ansi"], "\x1b[31m") != fails || strings.Contains(plain, "\x1b") {
			t.Errorf("%s: red is for what fails, and for terminals", name)
		}
	}
}

// extreme returns a report whose figures are as long as they get.
func extreme() *capacity.Report {
	recorder := &capacity.Recorder{}
	for _, took := range []time.Duration{123 * time.Microsecond, 456 * time.Microsecond, time.Hour} {
		recorder.Tap(capacity.Tap{Latency: took, First: true})
		recorder.Query(capacity.Query{Took: took, Queries: 987_654_321})
		recorder.Query(capacity.Query{Took: took, Export: true})
		recorder.Lag(capacity.Lag{Lag: took})
	}
	deep, grows, fast := 987_654_321.0, -654_321.9, 987_654.3
	p := capacity.Plateau{
		Name: "<b>|*`", Rate: 123_456, Seconds: 120, Counts: recorder.Measured("0:1", all).Whole,
		Figures: capacity.Figures{
			Offered: 123_456, Achieved: 987_654.3, Dropped: 123_456_789,
			Queued: &fast, Flushed: &fast, DepthStart: &deep, DepthEnd: &deep, Growth: &grows,
		},
		Judgement: capacity.Judgement{
			Status:    capacity.NoData,
			NotJudged: []string{"redirect_latency", "analytics_latency", "csv_export_latency"},
		},
	}
	p.Counts.Taps, p.Counts.Redirected, p.Counts.Hits, p.Counts.Flushed = 987_654_321, 987_654_320, 987_654_319, 987_654_321
	p.Counts.Redirects.Other, p.Counts.Failures = capacity.Tally{}, capacity.Tally{}
	for n := range 17 {
		name := strings.Repeat(string(rune('a'+n)), 250)
		p.Counts.Redirects.Other[name], p.Counts.Failures["tap: <b>"+name] = 987_654_321, 987_654_321
	}
	r := &capacity.Report{Status: capacity.NoData, Scaling: capacity.Scaling{Omitted: "none <i>"}}
	r.Plateaus, r.Whole, r.Failures = slices.Repeat([]capacity.Plateau{p}, 20), p.Counts, make(map[string]capacity.Failure)
	for name := range r.Whole.Failures {
		r.Failures[name] = capacity.Failure{Part: capacity.Worker, Sample: strings.Repeat("<b>https://a.example/"+name[:40], 20)}
	}
	for _, limit := range capacity.Limits {
		r.Metrics = append(r.Metrics, capacity.Judged{Limit: limit, Value: 0.9999999, Samples: 12, Status: capacity.NoData})
	}
	r.Verdict = []string{strings.Repeat("An unusually long sentence & <script>alert(1)</script> ", 9)}
	return r
}

// A terminal shows where redirects led unless that was the page alone, and the three largest kinds of failures; a page shows everything.
func TestTallies(t *testing.T) {
	t.Parallel()
	r := extreme()
	r.Plateaus = r.Plateaus[:1]
	r.Whole.Redirects = capacity.Redirects{Page: capacity.Tally{"compassion.com": 9}, Fallback: capacity.Tally{"sparkmotion.net": 2}}
	r.Whole.Failures = capacity.Tally{"tap: fallback": 4, "flush: 500": 3, "tap: 503": 2, "tap: timeout": 1}
	wants := func(ending, what string, want bool) {
		t.Helper()
		if strings.Contains(forms(t, r)[ending], what) != want {
			t.Errorf("%s and %q", ending, what)
		}
	}
	for _, ending := range []string{"txt", "md", "html"} {
		wants(ending, "Where redirects led", true)
		wants(ending, "sparkmotion.net", true)
		wants(ending, "tap: 503", true)
		wants(ending, "tap: timeout", ending != "txt")
	}
	wants("txt", "What failed, the 3 largest kinds of 4", true)
	wants("html", "Sent again", false)
	r.Plateaus = slices.Clone(r.Plateaus)
	r.Plateaus[0].Counts.Repeated = 1000
	wants("html", "Sent again", true)
	wants("md", "Sent again", true)
	r.Failures = map[string]capacity.Failure{
		"tap: 503": {Part: capacity.Worker, Sample: "GET http://worker.example/e: answered 503"}, "tap: timeout": {Part: capacity.Worker, Sample: "no answer"},
	}
	for _, ending := range []string{"txt", "md", "html"} {
		wants(ending, "GET http://worker.example/e: answered 503", true)
		wants(ending, "no answer", ending != "txt")
	}
	r.Whole.Redirects.Fallback = nil
	wants("txt", "Where redirects led", false)
	wants("html", "compassion.com", true)
}

// reports returns all reports whose pages are tested.
func reports() map[string]*capacity.Report {
	all := map[string]*capacity.Report{"extreme": extreme()}
	maps.Copy(all, fixtures())
	return all
}

// The pages of all reports, and of a trend of them, are complete; -pages leaves them for a browser.
func TestPages(t *testing.T) {
	t.Parallel()
	pages := make(map[string]string)
	for name, r := range reports() {
		pages[strings.ReplaceAll(name, " ", "-")] = forms(t, r)["html"]
	}
	var trend bytes.Buffer
	if err := TrendHTML(&trend, capacity.TrendOf(reports()), []Skipped{{strings.Repeat("long", 50) + ".json", "it is <i>none</i>"}}); err != nil {
		t.Fatal(err)
	}
	pages["trend"] = trend.String()
	for name, page := range pages {
		if !strings.HasPrefix(page, "<!doctype html>") || !strings.HasSuffix(strings.TrimSpace(page), "</html>") || strings.Contains(page, "<i>") {
			t.Errorf("%s is no page", name)
		}
		if *leave != "" {
			if err := os.WriteFile(filepath.Join(*leave, name+".html"), []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A page fetches nothing, is well-formed, describes each chart in words, and escapes markup in figures.
func TestPage(t *testing.T) {
	t.Parallel()
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := forms(t, r)["html"]
			for _, fetches := range []string{`="http`, "url(http", "src=", "href=", "@import", "<script", "<link", "<b>"} {
				if strings.Contains(page, fetches) {
					t.Errorf("it has %s", fetches)
				}
			}
			if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "ZgotmplZ") {
				t.Error("it has a number that is none")
			}
			doc, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			images := 0
			for node := range doc.Descendants() {
				if node.Data != "svg" || attribute(node, "role") != "img" {
					continue
				}
				images++
				words := map[string]string{}
				for child := range node.ChildNodes() {
					if child.FirstChild != nil {
						words[child.Data+" "+attribute(child, "id")] = child.FirstChild.Data
					}
				}
				for _, id := range strings.Fields(attribute(node, "aria-labelledby")) {
					if words["title "+id] == "" && words["desc "+id] == "" {
						t.Errorf("a chart has no words of its own at %s", id)
					}
				}
			}
			if charts := strings.Count(page, "<figure>"); images != charts || (charts < 3) != (len(r.Plateaus) == 0) {
				t.Errorf("%d charts of %d have a text", images, charts)
			}
			wellFormed(t, page)
		})
	}
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// wellFormed parses the drawings as XML, which is stricter than HTML.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	for _, svg := range regexp.MustCompile(`(?s)<svg class="plot.*?</svg>\n<details>`).FindAllString(page, -1) {
		decoder := xml.NewDecoder(strings.NewReader(strings.TrimSuffix(svg, "<details>")))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
		}
	}
}

// Text is legible, and marks stand out from their background, in light and in dark: WCAG 2.2 requires 4.5 and 3 to 1.
func TestContrast(t *testing.T) {
	t.Parallel()
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(source, -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]float64{}
		for _, c := range regexp.MustCompile(`--(\w+): #(\w{6})`).FindAllStringSubmatch(scheme[1], -1) {
			colours[c[1]] = luminance(t, c[2])
		}
		for _, behind := range []string{"card", "page"} {
			for _, text := range []string{"text", "quiet", "pass", "warn", "fail", "none", "data", "mark"} {
				light, dark := max(colours[text], colours[behind]), min(colours[text], colours[behind])
				if ratio := (light + 0.05) / (dark + 0.05); ratio < 4.5 {
					t.Errorf("scheme %d: %s on %s is %.2f to 1", i, text, behind, ratio)
				}
			}
		}
	}
}

// luminance is a colour's relative luminance as WCAG defines it.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(colour, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func TestScales(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		got  scale
		want []float64
	}{
		{linear(0), []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{linear(7), []float64{0, 2, 4, 6, 8}},
		{linear(10_000), []float64{0, 2000, 4000, 6000, 8000, 10_000}},
		{logarithmic(3.1, 100), []float64{2, 5, 10, 20, 50, 100}},
		{logarithmic(3.1, 9000), []float64{10, 100, 1000, 10_000}},
	} {
		if !slices.EqualFunc(c.got.ticks, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9*(a+b) || a == b }) {
			t.Errorf("got %v, want %v", c.got.ticks, c.want)
		}
		if at := c.got.at(c.got.high); at != 1 || c.got.at(c.got.low) != 0 || c.want[len(c.want)-1] > c.got.high {
			t.Errorf("%v ends at %v", c.want, at)
		}
	}
}

// Times are labelled at the intervals of clocks.
func TestInterval(t *testing.T) {
	t.Parallel()
	for span, want := range map[float64]float64{
		1: 1, 30: 5, 56: 10, 75: 15, 200: 30, 300: 60, 750: 120, 2000: 300, 4000: 600, 10_000: 1800, 12 * 3600: 7200,
	} {
		if got := interval(span / 7); got != want {
			t.Errorf("%v s: every %v s, want %v", span, got, want)
		}
	}
}

// An error of the writer is returned.
func TestFails(t *testing.T) {
	t.Parallel()
	r, full := fixtures()["few"], full{}
	for name, err := range map[string]error{"terminal": Terminal(full, r, true), "markdown": Markdown(full, r), "html": HTML(full, r), "junit": JUnit(full, r)} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }
