package sparkmotion

import (
	"sync"

	"go.k6.io/k6/v2/lib"
)

// run is what the VUs of one process share.
type run struct {
	sequence sequence
	schedule schedule
	pulse    pulse
	notices  notices
}

// notices are what is logged once a run, by whichever VU comes first.
type notices struct{ given sync.Map }

func (n *notices) once(key string, log func()) {
	if _, known := n.given.LoadOrStore(key, true); !known {
		log()
	}
}

// sequence counts the bands that sequential picks have handed out, over all VUs of all execution segments: a process
// takes its segment's share of the indices, so that no index is taken twice.
type sequence struct {
	mu    sync.Mutex
	index *lib.SegmentedIndex
}

// next gives the next index, from 0.
func (s *sequence) next(options *lib.Options) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		tuple, err := lib.NewExecutionTuple(options.ExecutionSegment, options.ExecutionSegmentSequence)
		if err != nil {
			return 0, err
		}
		s.index = lib.NewSegmentedIndex(tuple)
	}
	_, unscaled := s.index.Next()
	return uint64(unscaled - 1), nil //nolint:gosec // indices start at 1
}
