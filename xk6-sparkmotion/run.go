package sparkmotion

import (
	"sync"
	"sync/atomic"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// run is what the VUs of one process share.
type run struct {
	sequences sequences
	schedule  schedule
	pulse     pulse
	notices   notices
	sessions  sessions
	recorder  capacity.Recorder
	limits    atomic.Pointer[[]capacity.Limit] // that the script's thresholds set
}

// notices are what is logged once a run, by whichever VU comes first.
type notices struct{ given sync.Map }

func (n *notices) once(key string, log func()) {
	if _, known := n.given.LoadOrStore(key, true); !known {
		log()
	}
}

// sequences count the bands of each pool that sequential picks have handed out, over all VUs of all execution segments:
// a process takes its segment's share of the indices, so that no index is taken twice.
type sequences struct {
	mu     sync.Mutex
	byPool map[string]*lib.SegmentedIndex
}

// next gives a pool's next index, from 0.
func (s *sequences) next(pool string, options *lib.Options) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index, ok := s.byPool[pool]
	if !ok {
		tuple, err := lib.NewExecutionTuple(options.ExecutionSegment, options.ExecutionSegmentSequence)
		if err != nil {
			return 0, err
		}
		if s.byPool == nil {
			s.byPool = make(map[string]*lib.SegmentedIndex)
		}
		index = lib.NewSegmentedIndex(tuple)
		s.byPool[pool] = index
	}
	_, unscaled := index.Next()
	return uint64(unscaled - 1), nil // #nosec G115 -- indices start at 1
}
