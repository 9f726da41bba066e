package capacity

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Tally counts by name, such as taps by host. It has room for the first names, so that it stays small whatever a system answers; later ones
// are counted together.
type Tally map[string]int64

const (
	mostNames = 16
	// AllOthers stands for the names that a [Tally] has no room for. No host has a space in it.
	AllOthers = "all others"
)

func (t *Tally) add(name string, n int64) {
	if n <= 0 {
		return
	}
	if *t == nil {
		*t = make(Tally)
	}
	if len(*t) >= mostNames {
		if _, known := (*t)[name]; !known {
			name = AllOthers
		}
	}
	(*t)[name] += n
}

// merge adds other's counts. If both together have too many names, the most frequent keep theirs.
func (t *Tally) merge(other Tally) {
	all := make(Tally)
	for _, counts := range []Tally{*t, other} {
		for name, n := range counts {
			all[name] += n
		}
	}
	names := slices.DeleteFunc(all.Names(), func(name string) bool { return name == AllOthers })
	for _, name := range names[min(mostNames, len(names)):] {
		all[AllOthers] += all[name]
		delete(all, name)
	}
	*t = all
}

// Names returns the names, most frequent first, and all others last.
func (t Tally) Names() []string {
	return slices.SortedFunc(maps.Keys(t), func(a, b string) int {
		return cmp.Or(int(oneIf(a == AllOthers)-oneIf(b == AllOthers)), cmp.Compare(t[b], t[a]), cmp.Compare(a, b))
	})
}

// Sum returns the count of all names together.
func (t Tally) Sum() int64 {
	var sum int64
	for _, n := range t {
		sum += n
	}
	return sum
}

// Of returns the counts of names from the tally of a whole run, of which this one is a part. Other names here are among all others there.
func (t Tally) Of(names []string) []int64 {
	counts, rest := make([]int64, len(names)), t.Sum()
	for i, name := range names {
		if name != AllOthers {
			counts[i] = t[name]
			rest -= t[name]
		}
	}
	if i := slices.Index(names, AllOthers); i >= 0 {
		counts[i] = rest
	}
	return counts
}

// MarshalJSON returns an object, even if nothing was counted.
func (t Tally) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]int64(t))
}

// Redirects counts taps that were answered 302, by the host that they led to.
type Redirects struct {
	Page     Tally `json:"page"`
	Fallback Tally `json:"fallback"` // where a failing system leads
	Other    Tally `json:"other"`
}

// Elsewhere returns how many did not lead to the page.
func (r *Redirects) Elsewhere() int64 { return r.Fallback.Sum() + r.Other.Sum() }

func (r *Redirects) add(t *Tap) {
	switch {
	case t.Host == "":
	case t.Fallback:
		r.Fallback.add(t.Host, 1)
	case t.Page:
		r.Page.add(t.Host, 1)
	default:
		r.Other.add(t.Host, 1)
	}
}
