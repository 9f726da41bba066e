package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// TestRepeatedTaps: a Worker that resets kept connections once it has the request swallows answers. Each tap is sent again, and the run says
// so with their number: as many resets as the twin counts were repeated, or failed the tap on a new connection.
func TestRepeatedTaps(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if os.Getenv("CI") != "" {
		seed = 1
	}
	share := 0.02 + 0.1*rand.New(rand.NewPCG(seed, 0)).Float64()
	t.Logf("seed %d: %.4f of the requests are reset", seed, share)
	for _, lane := range []struct{ name, protocol string }{{"the tap lane", "http/1.1"}, {"the VU's transport", "h2"}} {
		t.Run(lane.name, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			before := tw.stats().Worker.Requests
			broken := make(chan struct{})
			go func() {
				defer close(broken)
				tw.breaks(fmt.Sprintf(`{"worker":{"resetRate":%v}}`, share))
			}()
			r := runK6(t, tw.env, "run", "--quiet", script(t, fmt.Sprintf(`
				import { plateaus, report, tap } from 'k6/x/sparkmotion';
				export const options = { scenarios: { taps: {
					executor: 'ramping-arrival-rate', preAllocatedVUs: 20, ...plateaus({ rates: [200, 400], hold: '4s' }),
				} } };
				export default () => tap({ protocol: '%s' });
				export const handleSummary = report;`, lane.protocol)))
			<-broken
			worker := tw.stats().Worker
			counts := r.counts()
			reset := counts.Failures["tap: error_code 1220"] // k6's for a connection that was reset
			t.Logf("%d taps, %d sent again, %d failed by a reset; the twin counts %d resets", counts.Taps, counts.Repeated, reset, worker.Resets)
			if counts.Repeated == 0 || counts.Repeated+reset != worker.Resets {
				t.Errorf("%d taps were sent again and %d failed; the twin counts %d resets", counts.Repeated, reset, worker.Resets)
			}
			if worker.Requests-before != counts.Taps+counts.Repeated {
				t.Errorf("%d taps and %d repeats; the twin counts %d requests", counts.Taps, counts.Repeated, worker.Requests-before)
			}
			r.wants(0, "sent again, because the Worker") // its status is the machine's as well
		})
	}
}

// counted are the whole run's counts in its report.
type counted struct {
	Taps, Repeated int64
	Failures       map[string]int64
}

func (r run) counts() counted { return capacityOf[struct{ Counts counted }](r).Counts }
