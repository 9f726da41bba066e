package sparkmotion

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/seeding"
)

// defaultPrefixes are those of the seeded bands, an event each.
var defaultPrefixes = seeding.Prefixes

type bandOptions struct {
	Prefixes     []string `js:"prefixes"`
	Count        int      `js:"count" default:"200000"`
	Distribution string   `js:"distribution" default:"uniform"`
	Seed         int      `js:"seed"`
}

// bandState is the VU's pick of bands, kept from call to call.
type bandState struct {
	pickers map[bandKey]*bandPicker
	usual   *bandPicker // for calls without options
}

// bandKey tells apart what needs a sequence of picks of its own.
type bandKey struct {
	prefixes, distribution string
	count, seed            int
}

type bandPicker struct {
	pool bands.Pool
	pick func() (uint64, error)
	text []byte // the last band, reused
}

// next gives a band; the bytes hold until the next call.
func (p *bandPicker) next() ([]byte, error) {
	index, err := p.pick()
	if err != nil {
		return nil, err
	}
	p.text = p.pool.Append(p.text[:0], index)
	return p.text, nil
}

// bandID returns a band of the pool, by default one of LOADTEST-E1-…, E2-… and E3-000001 to 200000, each with the same
// chance. distribution "zipf" prefers few bands; "sequential" takes them in turn and hands out none twice, over all VUs
// and execution segments, until the pool is through and starts over. With a seed, every run of a VU picks the same.
func (m *module) bandID(call sobek.FunctionCall) sobek.Value {
	picker, err := m.bandPicker(call.Argument(0))
	if err != nil {
		m.throw(err)
	}
	band, err := picker.next()
	if err != nil {
		m.throw(err)
	}
	return m.vu.Runtime().ToValue(string(band))
}

func (m *module) bandPicker(given sobek.Value) (*bandPicker, error) {
	if common.IsNullish(given) && m.bands.usual != nil {
		return m.bands.usual, nil
	}
	o := bandOptions{Prefixes: defaultPrefixes}
	if err := m.options("bandID", given, &o); err != nil {
		return nil, err
	}
	key := bandKey{fmt.Sprintf("%q", o.Prefixes), o.Distribution, o.Count, o.Seed}
	picker, ok := m.bands.pickers[key]
	if !ok {
		made, err := m.newBandPicker(o)
		if err != nil {
			return nil, in("bandID", err)
		}
		if m.bands.pickers == nil {
			m.bands.pickers = make(map[bandKey]*bandPicker)
		}
		picker, m.bands.pickers[key] = made, made
	}
	if common.IsNullish(given) {
		m.bands.usual = picker
	}
	return picker, nil
}

func (m *module) newBandPicker(o bandOptions) (*bandPicker, error) {
	pool := bands.Pool{Prefixes: o.Prefixes, Count: o.Count}
	if err := pool.Check(); err != nil {
		return nil, err
	}
	if o.Seed != 0 && m.vu.State() == nil {
		return nil, errors.New("a seed makes a series for each VU, and the init context is none: " + errInit.Error())
	}
	picker := &bandPicker{pool: pool}
	switch o.Distribution {
	case "uniform":
		picker.pick = unfailing(bands.Uniform(m.random(o.Seed), pool.Size()))
	case "zipf":
		picker.pick = unfailing(bands.Zipf(m.random(o.Seed), pool.Size()))
	case "sequential":
		if m.vu.State() == nil {
			return nil, errInit
		}
		name := fmt.Sprintf("%q %d", o.Prefixes, o.Count)
		picker.pick = func() (uint64, error) { return m.run.sequences.next(name, &m.vu.State().Options) }
	default:
		return nil, fmt.Errorf("distribution must be uniform, zipf or sequential, got %q", o.Distribution)
	}
	return picker, nil
}

func unfailing(pick bands.Picker) func() (uint64, error) {
	return func() (uint64, error) { return pick(), nil }
}

// random is a source of the VU's own: with a seed the same in every run, another one in each VU.
func (m *module) random(seed int) *rand.Rand {
	if seed == 0 {
		return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) // #nosec G404 -- not for secrets
	}
	return rand.New(rand.NewPCG(uint64(seed), m.vu.State().VUIDGlobal)) // #nosec G115 G404 -- not for secrets
}
