package meter

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// TestLagProbe: a beat is collected once, and the probe rests when nobody asks any more.
func TestLagProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p lagProbe
		if _, ok := p.collect(&capacity.Recorder{}); ok {
			t.Error("a beat before the first")
		}
		time.Sleep(beat + beat/2)
		if lag, ok := p.collect(&capacity.Recorder{}); !ok || lag != 0 {
			t.Errorf("after a beat: %s, %v", lag, ok)
		}
		if _, ok := p.collect(&capacity.Recorder{}); ok {
			t.Error("a beat collected twice")
		}
		time.Sleep(2 * restBeats * beat)
		synctest.Wait()
		if p.running.Load() {
			t.Error("it beats on though nobody asks")
		}
		p.collect(&capacity.Recorder{})
		p.collect(&capacity.Recorder{})
		if !p.running.Load() {
			t.Error("it does not start again")
		}
		time.Sleep(2 * restBeats * beat)
	})
}
