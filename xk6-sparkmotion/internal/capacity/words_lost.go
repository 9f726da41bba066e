package capacity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// sayElsewhere mentions redirects that did not lead to the page: a failing system answers with a redirect, too.
func (r *Report) sayElsewhere() []string {
	var said []string
	fallbacks := func(c *Counts) int64 { return c.Redirects.Fallback.Sum() }
	if hosts := r.Whole.Redirects.Fallback.Names(); len(hosts) > 0 {
		fallback := "fallback"
		if len(hosts) > 1 {
			fallback = "fallbacks"
		}
		said = append(said, fmt.Sprintf("%s led to the %s %s: the Worker failed, couldn't reach the Hub, or the Hub had no page for them.",
			r.sayTaps(fallbacks), fallback, listed(few(hosts))))
	}
	others := func(c *Counts) int64 { return c.Redirects.Other.Sum() }
	if hosts := r.Whole.Redirects.Other.Names(); len(hosts) > 0 {
		said = append(said, fmt.Sprintf("%s led to %s, neither the page nor a fallback. Set PAGE_HOST, or look at what the event shows.",
			r.sayTaps(others), listed(few(hosts))))
	}
	return said
}

// sayRepeated mentions taps that were sent again: the Worker may have counted the first attempt as well.
func (r *Report) sayRepeated() []string {
	if r.Whole.Repeated == 0 {
		return nil
	}
	were := "were"
	if r.Whole.Repeated == 1 {
		were = "was"
	}
	return []string{fmt.Sprintf("%s %s sent again, because the Worker or a proxy in front of it closed their connections without an answer. "+
		"Taps that it had already recorded count twice.", r.sayTaps(func(c *Counts) int64 { return c.Repeated }), were)}
}

// sayTaps says how many taps some counts, and where their share was largest.
func (r *Report) sayTaps(some func(c *Counts) int64) string {
	all, most := some(&r.Whole), (*Plateau)(nil)
	share := func(p *Plateau) float64 { return ratio(some(&p.Counts), p.Counts.Taps) }
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; share(p) > 0 && (most == nil || share(p) > share(most)) {
			most = p
		}
	}
	if most == nil {
		return fmt.Sprintf("Over the whole run %s (%s)", numbered(all, "tap"), units.Percent(ratio(all, r.Whole.Taps)))
	}
	n := some(&most.Counts)
	said := fmt.Sprintf("At %s/s %s (%s)", units.Rate(most.Offered), numbered(n, "tap"), units.Percent(share(most)))
	if all > n {
		said += fmt.Sprintf(", of %s in the whole run,", units.Rate(float64(all)))
	}
	return said
}

// sayFlushes mentions taps that flushes dropped, and batches that they could not write.
func (r *Report) sayFlushes() []string {
	var said []string
	c := &r.Whole
	if c.FlushDropped > 0 {
		said = append(said, fmt.Sprintf("The flush dropped %s (%s): their bands are not in the database.",
			numbered(c.FlushDropped, "tap"), units.Percent(ratio(c.FlushDropped, c.drained()))))
	}
	if c.FlushesPartly > 0 {
		said = append(said, fmt.Sprintf("%s had batches that failed and went back on the queue (one bad entry fails its batch again "+
			"and again); their taps wait.", someOf(c.FlushesPartly, c.Flushes, "flush")))
	}
	return said
}

// sayExports says how much exports returned: an empty one is quick, and shows nothing.
func (r *Report) sayExports() []string {
	var said []string
	var had []string
	for _, label := range []string{"export rows", "export size"} {
		m, _ := Find(label)
		if mean := m.Over(&r.Measured); mean.Samples > 0 {
			had = append(had, m.Unit.Value(mean.Value))
		}
	}
	if had != nil {
		said = append(said, fmt.Sprintf("An export had %s on average.", listed(had)))
	}
	if c := &r.Whole; c.ExportsEmpty > 0 {
		said = append(said, fmt.Sprintf("%s were empty: their latency is not counted.",
			someOf(c.ExportsEmpty, c.exports(), "export")))
	}
	return said
}

// sayKV mentions a limit that the answers leave open.
func (r *Report) sayKV() []string {
	open := func(m Judged) bool { return m.Metric == "kv_hit_rate" && m.Samples == 0 }
	if r.Whole.Redirected == 0 || !slices.ContainsFunc(r.Metrics, open) {
		return nil
	}
	return []string{"KV hits not measured: the answers don't say where they came from."}
}

// listed joins words as in a sentence: one, two and three.
func listed(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// few returns the first of many words, and how many more there are.
func few(words []string) []string {
	const most = 4
	if len(words) <= most {
		return words
	}
	return append(slices.Clone(words[:most-1]), fmt.Sprintf("%d more", len(words)-most+1))
}

// numbered returns a number of things, such as "3 taps".
func numbered(n int64, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "sh"):
		thing += "es"
	default:
		thing += "s"
	}
	return units.Rate(float64(n)) + " " + thing
}

// someOf returns "some of all things".
func someOf(some, all int64, thing string) string {
	return units.Rate(float64(some)) + " of " + numbered(all, thing)
}
