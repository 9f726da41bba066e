package integration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// station is c workers that serve whoever came first: for a fixed time, M/D/c, or an exponentially distributed one, M/M/c.
type station struct {
	workers     int
	service     time.Duration // on average
	exponential bool
	load        float64 // share of what it can do that arrives, as a Poisson process
}

func (s station) String() string {
	kind := 'D'
	if s.exponential {
		kind = 'M'
	}
	return fmt.Sprintf("M/%c/%d at %.0f %%", kind, s.workers, 100*s.load)
}

// rate is how many arrive a second.
func (s station) rate() float64 { return s.load * float64(s.workers) / s.service.Seconds() }

// p95 is that of the time from arrival to departure.
func (s station) p95() time.Duration {
	beyond := s.crommelin()
	if s.exponential {
		beyond = s.erlang()
	}
	low, high := 0.0, 50*s.service.Seconds()
	for range 60 {
		if middle := (low + high) / 2; beyond(middle) > 0.05 {
			low = middle
		} else {
			high = middle
		}
	}
	return time.Duration(high * float64(time.Second))
}

// erlang returns the share of those who are there for longer than so many seconds: an exponential wait for those who must, by Erlang's C,
// and an exponential service.
func (s station) erlang() func(seconds float64) float64 {
	offered, blocked := s.load*float64(s.workers), 1.0 // Erlang's B, worker by worker
	for k := 1; k <= s.workers; k++ {
		blocked = offered * blocked / (float64(k) + offered*blocked)
	}
	waits := blocked / (1 - s.load*(1-blocked))
	served := 1 / s.service.Seconds()
	freed := float64(s.workers)*served - s.rate()
	return func(t float64) float64 {
		return (1-waits)*math.Exp(-served*t) + waits*(freed*math.Exp(-served*t)-served*math.Exp(-freed*t))/(freed-served)
	}
}

// crommelin is erlang for a fixed service time D. Whoever is served at a moment is gone D later, so that of the n who are there then the first
// c are gone, and all who arrived meanwhile are not: that has one stationary distribution, of which Crommelin has the waits.
func (s station) crommelin() func(seconds float64) float64 {
	d := s.service.Seconds()
	const most = 2000
	arrive := poisson(s.rate()*d, most)
	there := make([]float64, most)
	there[0] = 1
	for change := 1.0; change > 1e-12; {
		next := make([]float64, most)
		for n, p := range there {
			if p < 1e-18 {
				continue
			}
			for k := 0; k < most-max(0, n-s.workers) && k < 400; k++ {
				next[max(0, n-s.workers)+k] += p * arrive[k]
			}
		}
		change = 0
		for n := range next {
			change += math.Abs(next[n] - there[n])
		}
		there = next
	}
	waiting := make([]float64, most) // that so many wait, or fewer
	sum := 0.0
	for n, p := range there {
		sum += p
		waiting[max(0, n-s.workers)] = sum
	}
	return func(t float64) float64 {
		if t < d {
			return 1
		}
		k := int((t-d)/d) + 1
		part := poisson(s.rate()*(float64(k+1)*d-t), k*s.workers)
		within := 0.0
		for j, p := range part {
			within += waiting[k*s.workers-1-j] * p
		}
		return 1 - within
	}
}

// poisson are the probabilities of 0, 1, … arrivals, fewer than n.
func poisson(mean float64, n int) []float64 {
	all := make([]float64, n)
	for k := range all {
		log, _ := math.Lgamma(float64(k + 1))
		all[k] = math.Exp(float64(k)*math.Log(mean) - mean - log)
	}
	return all
}

// desk is a station at work, arrival by arrival.
type desk struct {
	station
	random *rand.Rand
	free   []time.Duration // when each worker is, on the clock of the arrivals
}

func (s station) open(seed uint64) *desk {
	return &desk{s, rand.New(rand.NewPCG(seed, 15)), make([]time.Duration, s.workers)}
}

// arrive returns when whoever arrives now will leave.
func (d *desk) arrive(now time.Duration) time.Duration {
	next := 0
	for i, free := range d.free {
		if free < d.free[next] {
			next = i
		}
	}
	takes := d.service
	if d.exponential {
		takes = time.Duration(d.random.ExpFloat64() * float64(d.service))
	}
	d.free[next] = max(now, d.free[next]) + takes
	return d.free[next]
}

// simulated is the p95 of so many who arrive as a Poisson process.
func (s station) simulated(seed uint64, arrivals int) time.Duration {
	d, now := s.open(seed), time.Duration(0)
	stayed := make([]time.Duration, arrivals)
	for i := range stayed {
		now += time.Duration(d.random.ExpFloat64() / s.rate() * float64(time.Second))
		stayed[i] = d.arrive(now) - now
	}
	slices.Sort(stayed)
	return stayed[arrivals*95/100]
}

// stations are those that runs are held against.
func stations() (all []station) {
	for _, load := range []float64{0.5, 0.7, 0.8, 0.9} {
		for _, exponential := range []bool{false, true} {
			all = append(all, station{16, 40 * time.Millisecond, exponential, load})
		}
	}
	return all
}

// TestQueueingTheory holds the formulas against a simulation that knows nothing of them.
func TestQueueingTheory(t *testing.T) {
	t.Parallel()
	for _, s := range stations() {
		want, got := s.p95(), s.simulated(1, 2_000_000)
		t.Logf("%s: p95 %s, simulated %s", s, want, got)
		if off := math.Abs(got.Seconds()/want.Seconds() - 1); off > 0.02 {
			t.Errorf("%s: p95 %s, and of a simulation %s", s, want, got)
		}
	}
}
