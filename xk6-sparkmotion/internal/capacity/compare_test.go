package capacity

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// system is how one behaves in a simulated plateau.
type system struct {
	rate     float64 // taps/s
	seconds  float64
	median   float64 // ms
	errors   float64 // share of taps
	capacity float64 // taps/s that flushes drain; 0 for all
}

// simulate makes the report of a run: latencies are lognormal, around a level that wanders as a busy system's does, with a
// stall now and then.
func simulate(seed uint64, systems ...system) *Report {
	random := rand.New(rand.NewPCG(seed, 1))
	var m Measured
	start := 0.0
	for _, s := range systems {
		p := Plateau{Name: Rate(s.rate), Rate: s.rate, Start: start, Seconds: s.seconds}
		p.Counts = s.taps(random)
		m.Series.Depth = append(m.Series.Depth, s.flushes(random, &p)...)
		m.Plateaus = append(m.Plateaus, p)
		start += s.seconds
	}
	return Judge(m, Limits, unknown)
}

func (s system) taps(random *rand.Rand) Counts {
	var c Counts
	total := int(s.rate * s.seconds)
	level, stall := 0.0, 0
	for n := range total {
		if n%int(max(1, s.rate/10)) == 0 { // ten times a second
			level = 0.95*level + 0.03*random.NormFloat64()
			stall = max(0, stall-1)
			if random.IntN(200) == 0 {
				stall = 2
			}
		}
		latency := s.median * math.Exp(level+0.5*random.NormFloat64())
		if stall > 0 {
			latency *= 4
		}
		c.Iterations++
		c.Taps++
		if random.Float64() >= s.errors {
			c.Redirected++
			c.Hits += one(random.Float64() > 0.002)
		}
		took := time.Duration(latency * float64(time.Millisecond))
		c.Waited += took
		c.Redirect[n*batches/total].add(took)
	}
	for range int(10 * s.seconds) {
		c.Lag.add(time.Millisecond)
	}
	for range int(8 * s.seconds) {
		c.Queries++
		c.Analytics.add(time.Duration(300 * math.Exp(0.6*random.NormFloat64()) * float64(time.Millisecond)))
	}
	return c
}

// flushes are every 15 s, of a queue that starts empty.
func (s system) flushes(random *rand.Rand, p *Plateau) []Depth {
	var depths []Depth
	depth := 0.0
	for at := 15.0; at <= s.seconds; at += 15 {
		depth += 15*s.rate + math.Sqrt(15*s.rate)*random.NormFloat64()
		flushed := depth
		if s.capacity > 0 {
			flushed = min(depth, 15*s.capacity*(1+0.02*random.NormFloat64()))
		}
		depth -= flushed
		p.Counts.Flushes++
		p.Counts.Flushed += int64(flushed)
		depths = append(depths, Depth{p.Start + at, math.Round(depth), int64(flushed)})
	}
	return depths
}

var _ = bytes.NewReader
var _ = json.Marshal
var _ = flag.Bool
var _ = fmt.Sprint
var _ testing.TB
var _ = os.Args
var _ = strings.Join
