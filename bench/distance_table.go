package main

import (
	"fmt"
	"strings"
)

func (r Result) distanceTable(delay int, connections string) table {
	t := table{{
		fmt.Sprintf("%d ms, %s connections", delay, connections), "asked/s", "served/s", "opened", "dropped", "p50 ms", "p95 ms", "p99 ms",
		"target's p50", "p95", "p99", "its core busy", "CPU µs a tap", "peak RSS, MB",
	}}
	for _, m := range r.Medians {
		if m.Part == distance && m.Delay == delay && m.Connection == connections {
			t = append(t, []string{
				distanceLabel(m.Way), english.Sprint(m.Rate), number("%.0f", m.PerSecond), number("%.0f", m.Seen.Connections),
				english.Sprintf("%.0f", m.Dropped), number("%.2f", m.P50), number("%.2f", m.P95), number("%.2f", m.P99),
				number("%.2f", m.Seen.P50), number("%.2f", m.Seen.P95), number("%.2f", m.Seen.P99),
				number("%.0f %%", m.TargetBusy*100), number("%.1f", m.CPU), number("%.0f", m.RSS),
			})
		}
	}
	return t
}

// distanceLabel names a way for people: here, taps(n) has another n at each rate.
func distanceLabel(way string) string {
	if way == taps {
		return "taps(n)"
	}
	return labels[way]
}

// distanceMarkdown is what README.md shows.
func (r Result) distanceMarkdown() string {
	m, p := r.Machine, r.Parameters
	parts := []string{fmt.Sprintf(
		"%s, %d cores: one for the generator, one for the target. %s; %s; %s. Medians of %d alternated runs of %d s (`go run . distance %s`), "+
			"each from its start. Others took %.0f %% of the cores' time.\n\n"+
			"- p50, p95, p99: as each tool reports them. taps(n) leaves out the taps that it dropped, and those of its first 5 %%, while it settles. "+
			"k6/http leaves out connecting. vegeta leaves out the time that a request waits for a worker.\n"+
			"- target's p50, p95, p99: by the target's own clock, from the arrival of a request until its answer is written.\n"+
			"- opened: connections. dropped: taps, in all runs.\n",
		m.CPU, m.Cores, m.Go, m.K6, m.Vegeta, p.Rounds, p.Seconds, p.flags(), r.others()*100)}
	for _, delay := range p.Delays {
		for _, connections := range []string{kept, newForEach} {
			if t := r.distanceTable(delay, connections); len(t) > 1 {
				parts = append(parts, t.String())
			}
		}
	}
	if m := r.climb(); m != nil {
		parts = append(parts, english.Sprintf("%d runs of taps(n) climbed at %d ms: %d of %d plateaus of %s taps/s are PASS. At %d/s, once settled, "+
			"p50 is %.1f ms, p95 %.1f, p99 %.1f; the target's own p95, of all plateaus, is %.1f. %.0f taps were dropped. Peak RSS is %.0f MB.\n",
			m.Runs, m.Delay, m.Runs*len(climbing)-m.NotHeld, m.Runs*len(climbing), inWords(climbing), topRate, m.P50, m.P95, m.P99, m.Seen.P95, m.Dropped, m.RSS))
	}
	if line := r.handshakeLine(); line != "" {
		parts = append(parts, line)
	}
	return strings.Join(parts, "\n")
}

// inWords lists rates: "2,500, 5,000 and 10,000".
func inWords(rates []int) string {
	var said []string
	for _, rate := range rates {
		said = append(said, english.Sprint(rate))
	}
	last := len(said) - 1
	return strings.Join(said[:last], ", ") + " and " + said[last]
}

// handshakeLine says how many new connections a core can make.
func (r Result) handshakeLine() string {
	var said []string
	for _, way := range []string{taps, baseline, vegeta} {
		if most := r.handshakes(way); most > 0 {
			said = append(said, english.Sprintf("%.0f by %s", most, distanceLabel(way)))
		}
	}
	if said == nil {
		return ""
	}
	return "The most taps a second that were answered, each on a new TLS connection, one core for the generator and one for the target: " +
		strings.Join(said, ", ") + ".\n"
}

func (r Result) distanceText() string { return r.distanceMarkdown() + "\n" + r.verdicts() }
