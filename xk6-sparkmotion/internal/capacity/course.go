package capacity

import "time"

// Series is a run's course over time.
type Series struct {
	Step     float64   `json:"step_seconds"` // seconds that each rate stands for
	Achieved []float64 `json:"achieved"`     // taps/s that ended, one per step
	Failed   []float64 `json:"failed"`       // taps/s that failed, one per step
	Depth    []Depth   `json:"depth"`        // of the queue
}

// Depth is how many taps waited in the queue at a time, in seconds since the plateaus began.
type Depth struct {
	At      float64 `json:"at_seconds"`
	Depth   float64 `json:"depth"`
	Flushed int64   `json:"flushed"` // taken off it by the flush that has just ended, including dropped ones; 0 for a sample
}

// maxSteps bounds a course: a longer run gets longer steps.
const maxSteps = 1800

// course collects a Series.
type course struct {
	step             time.Duration
	achieved, failed []int64
	depths           []Depth
}

func (c *course) tap(since time.Duration, redirected bool) {
	if since < 0 {
		return
	}
	if c.step == 0 {
		c.step = time.Second
	}
	for since >= c.step*maxSteps {
		c.step *= 2
		c.achieved, c.failed = inPairs(c.achieved), inPairs(c.failed)
	}
	for i := int(since / c.step); i >= len(c.achieved); {
		c.achieved, c.failed = append(c.achieved, 0), append(c.failed, 0)
	}
	c.achieved[since/c.step]++
	c.failed[since/c.step] += oneIf(!redirected)
}

func inPairs(counts []int64) []int64 {
	half := counts[:0]
	for i := 0; i < len(counts); i += 2 {
		sum := counts[i]
		if i+1 < len(counts) {
			sum += counts[i+1]
		}
		half = append(half, sum)
	}
	return half
}

// depth keeps a depth; there is one every few seconds. When there are too many, each pair becomes one: the later depth, with what both
// flushed.
func (c *course) depth(since time.Duration, depth, flushed int64) {
	if since < 0 {
		return
	}
	if len(c.depths) == maxSteps {
		half := c.depths[:0]
		for i := 1; i < maxSteps; i += 2 {
			later := c.depths[i]
			later.Flushed += c.depths[i-1].Flushed
			half = append(half, later)
		}
		c.depths = half
	}
	c.depths = append(c.depths, Depth{since.Seconds(), float64(depth), flushed})
}

func (c *course) series() Series {
	s := Series{
		Step: c.step.Seconds(), Achieved: []float64{}, Failed: []float64{}, Depth: append([]Depth{}, c.depths...),
	}
	for i := range c.achieved {
		s.Achieved = append(s.Achieved, float64(c.achieved[i])/s.Step)
		s.Failed = append(s.Failed, float64(c.failed[i])/s.Step)
	}
	return s
}

// redirected returns how many taps were redirected by a time in seconds.
func (s *Series) redirected(seconds float64) float64 {
	sum := 0.0
	for i, rate := range s.Achieved {
		sum += (rate - s.Failed[i]) * min(max(0, seconds-float64(i)*s.Step), s.Step)
	}
	return sum
}
