package capacity

import (
	"testing"
	"time"
)

// A long course gets longer steps, and loses no tap.
func TestCourse(t *testing.T) {
	t.Parallel()
	var c course
	for second := range 3*maxSteps + 1 {
		c.tap(time.Duration(second)*time.Second, second%2 == 0)
	}
	s := c.series()
	sum := 0.0
	for _, rate := range s.Achieved {
		sum += rate * s.Step
	}
	for second := range 5 * maxSteps {
		c.depth(time.Duration(second)*time.Second, int64(second), 1)
	}
	flushed := int64(0)
	for _, d := range c.depths {
		flushed += d.Flushed
	}
	if last := c.depths[len(c.depths)-1]; len(c.depths) > maxSteps || flushed != 5*maxSteps || last.Depth != 5*maxSteps-1 {
		t.Errorf("%d depths, %d flushed, the last %+v", len(c.depths), flushed, last)
	}
	if s.Step != 4 || len(s.Achieved) > maxSteps || sum != 3*maxSteps+1 {
		t.Errorf("%d steps of %v s, %v taps", len(s.Achieved), s.Step, sum)
	}
}
