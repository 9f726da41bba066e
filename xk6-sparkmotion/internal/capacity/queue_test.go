package capacity

import "testing"

// The queue's growth in a plateau of 90 s that starts at 90 s and queues 500 taps/s; -1 if it is not known.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		depths []Depth
		want   float64
	}{
		"nothing":                      {nil, -1},
		"seen before alone":            {[]Depth{{80, 100, 0}}, -1},
		"one sample":                   {[]Depth{{120, 100, 0}}, -1},
		"emptied by each flush":        {[]Depth{{100, 0, 5000}, {110, 4000, 0}, {115, 0, 7500}, {130, 0, 7500}, {140, 6000, 0}}, 0},
		"emptied by the one flush":     {[]Depth{{110, 4000, 0}, {140, 12, 7500}, {170, 14000, 0}}, 0},
		"more left by each flush":      {[]Depth{{100, 1000, 5000}, {110, 9000, 0}, {130, 4000, 5000}, {160, 7000, 5000}, {175, 15000, 0}}, 100},
		"a flush as long as this":      {[]Depth{{85, 1000, 0}, {115, 4000, 0}, {145, 7000, 0}, {150, 7500, 9000}}, 100},
		"no flush, rising all the way": {[]Depth{{95, 1000, 0}, {125, 4000, 0}, {155, 7000, 0}}, 100},
		"no flush, up and down":        {[]Depth{{95, 1000, 0}, {125, 4000, 0}, {155, 700, 0}}, -1},
		"two samples at once":          {[]Depth{{95, 1000, 0}, {96, 1500, 0}}, -1},
	} {
		p := Plateau{Start: 90, Seconds: 90, Figures: Figures{Achieved: 500}}
		p.watchQueue(c.depths)
		got := -1.0
		if p.Growth != nil {
			got = *p.Growth
		}
		if got != c.want {
			t.Errorf("%s: grows by %v, want %v", name, got, c.want)
		}
	}
}
