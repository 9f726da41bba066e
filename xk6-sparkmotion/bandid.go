package sparkmotion

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/seeding"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// defaultPrefixes are the prefixes of the seeded bands, one per event.
var defaultPrefixes = seeding.Prefixes

type bandOptions struct {
	Prefixes     []string `js:"prefixes"`
	Count        int      `js:"count" env:"LOADTEST_BANDS" default:"200000" above:"0"`
	Distribution string   `js:"distribution" default:"uniform" oneof:"uniform zipf sequential"`
	Seed         int      `js:"seed"`
}

// bandID returns a band of the pool, by default one of LOADTEST-E1-…, E2-… and E3-000001 to 200000 (LOADTEST_BANDS), each with
// the same probability. distribution "zipf" prefers a few bands; "sequential" returns each band once, over all VUs and execution segments,
// before it starts over. With a seed, a VU picks the same bands in every run.
func (m *module) bandID(call sobek.FunctionCall) (any, error) {
	picker, err := m.bandPicker(call.Argument(0))
	if err != nil {
		return nil, err
	}
	band, err := picker.next()
	return string(band), err
}

// bandPickers are a VU's pickers, kept between calls so that their sequences continue.
type bandPickers struct {
	known map[bandKey]*bandPicker
	made  settings.Repeated[*bandPicker]
}

// bandKey identifies options that have their own sequence of picks.
type bandKey struct {
	prefixes, distribution string
	count, seed            int
}

type bandPicker struct {
	pool bands.Pool
	pick func() (uint64, error)
	text []byte // the last band, reused
}

// next returns a band. The bytes are valid until the next call.
func (p *bandPicker) next() ([]byte, error) {
	index, err := p.pick()
	if err != nil {
		return nil, err
	}
	p.text = p.pool.Append(p.text[:0], index)
	return p.text, nil
}

func (m *module) bandPicker(given sobek.Value) (*bandPicker, error) {
	picker, repeated, found := m.pickers.made.Find(m.vu.Runtime(), given)
	if found {
		return picker, nil
	}
	o := bandOptions{Prefixes: defaultPrefixes}
	if err := m.settings.Read(given, &o); err != nil {
		return nil, err
	}
	key := bandKey{fmt.Sprintf("%q", o.Prefixes), o.Distribution, o.Count, o.Seed}
	picker, ok := m.pickers.known[key]
	if !ok {
		made, err := m.newBandPicker(o)
		if err != nil {
			return nil, err
		}
		if m.pickers.known == nil {
			m.pickers.known = make(map[bandKey]*bandPicker)
		}
		picker, m.pickers.known[key] = made, made
	}
	m.pickers.made.Keep(repeated, picker)
	return picker, nil
}

func (m *module) newBandPicker(o bandOptions) (*bandPicker, error) {
	pool := bands.Pool{Prefixes: o.Prefixes, Count: o.Count}
	if err := pool.Check(); err != nil {
		return nil, err
	}
	state := m.vu.State()
	if o.Seed != 0 && state == nil {
		return nil, errors.New("a seed starts a series for each VU, and the init context has none: " + errInit.Error())
	}
	picker := &bandPicker{pool: pool}
	switch o.Distribution {
	case "uniform":
		picker.pick = unfailing(bands.Uniform(newRandom(o.Seed, state), pool.Size()))
	case "zipf":
		picker.pick = unfailing(bands.Zipf(newRandom(o.Seed, state), pool.Size()))
	default: // sequential
		if state == nil {
			return nil, errInit
		}
		name := fmt.Sprintf("%q %d", o.Prefixes, o.Count)
		picker.pick = func() (uint64, error) { return m.process.sequences.next(name, &state.Options) }
	}
	return picker, nil
}

func unfailing(pick bands.Picker) func() (uint64, error) {
	return func() (uint64, error) { return pick(), nil }
}

// newRandom returns a VU's own random source. With a seed, it is the same in every run, and different in each VU.
func newRandom(seed int, state *lib.State) *rand.Rand {
	if seed == 0 {
		return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) // #nosec G404 -- not for secrets
	}
	return rand.New(rand.NewPCG(uint64(seed), state.VUIDGlobal)) // #nosec G115 G404 -- not for secrets
}

// sequences count how many bands of each pool sequential picks have returned, over all VUs of all execution segments.
// A process takes its segment's share of the indices, so that no index is taken twice.
type sequences struct {
	mu     sync.Mutex
	byPool map[string]*lib.SegmentedIndex
}

// next returns a pool's next index, from 0.
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
