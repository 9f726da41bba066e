package capacity

import (
	"maps"
	"math"
	"slices"
)

// histograms are histograms by name, such as that of a procedure. There is room for as many as in a [Tally], and one for all others.
type histograms map[string]histogram

// of returns the histogram of a name, to count in.
func (h *histograms) of(name string) *histogram {
	if *h == nil {
		*h = make(histograms)
	}
	known, ok := (*h)[name]
	if !ok && len(*h) >= mostNames {
		name = AllOthers
		known = (*h)[name]
	}
	known.made()
	(*h)[name] = known
	return &known
}

// merge adds other's counts. If both together have too many names, the most frequent keep theirs.
func (h *histograms) merge(other histograms) {
	if len(other) == 0 {
		return
	}
	all := h.clone()
	if all == nil {
		all = make(histograms)
	}
	sizes := make(Tally)
	for name, more := range other {
		sum := all[name]
		sum.merge(more)
		all[name] = sum
	}
	for name, one := range all {
		sizes[name] = one.count()
	}
	sizes.merge(nil)
	for name, one := range all {
		if _, keeps := sizes[name]; !keeps {
			rest := all[AllOthers]
			rest.merge(one)
			all[AllOthers] = rest
			delete(all, name)
		}
	}
	*h = all
}

// clone returns histograms that share nothing with these.
func (h histograms) clone() histograms {
	all := maps.Clone(h)
	for name, one := range all {
		all[name] = one.clone()
	}
	return all
}

// Latencies is how long requests of one name took, in ms.
type Latencies struct {
	Name          string
	Samples       int64
	P50, P95, Max float64
}

// ByProcedure returns how long accepted queries of each procedure took, sorted by name.
func (c *Counts) ByProcedure() []Latencies {
	var all []Latencies
	for _, name := range slices.Sorted(maps.Keys(c.Procedures)) {
		h := c.Procedures[name]
		all = append(all, Latencies{name, h.count(), h.at(50), h.at(95), h.at(100)})
	}
	return all
}

// Tenth is a tenth of a plateau, with percentiles of its taps in ms.
type Tenth struct {
	From, To      float64 // seconds since the plateaus began
	P50, P95, P99 float64
}

// Tenths returns the plateau's tenths that had taps.
func (p *Plateau) Tenths() []Tenth {
	var all []Tenth
	for i, h := range p.Counts.Redirect {
		from := p.Start + p.Hold*float64(i)/batches
		if h.count() > 0 && from < p.Start+p.Seconds {
			to := min(from+p.Hold/batches, p.Start+p.Seconds)
			all = append(all, Tenth{from, to, h.at(50), h.at(95), h.at(99)})
		}
	}
	return all
}

// Bin is how many taps took between From and To, in ms.
type Bin struct {
	From, To float64
	Taps     int64
}

// Bins returns the taps by latency, in perDecade bins for each power of ten, fastest first.
func (c *Counts) Bins(perDecade int) []Bin {
	all := c.redirect()
	if all.count() == 0 {
		return nil
	}
	taps := make(map[int]int64)
	for _, bar := range all.Distribution() {
		if bar.Count > 0 {
			taps[int(math.Floor(float64(perDecade)*math.Log10(max(float64(bar.To), 1)/1000)))] += bar.Count
		}
	}
	var bins []Bin
	edge := func(i int) float64 { return math.Pow(10, float64(i)/float64(perDecade)) }
	for i := slices.Min(slices.Collect(maps.Keys(taps))); i <= slices.Max(slices.Collect(maps.Keys(taps))); i++ {
		bins = append(bins, Bin{edge(i), edge(i + 1), taps[i]})
	}
	return bins
}
