package test

import (
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

func TestPlateaus(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"{rates: [10, 20, 5], hold: '2m', rampDown: '30s'}": `{"startRate":10,"timeUnit":"1s","stages":[{"duration":"2m0s","target":10},` +
			`{"duration":"0s","target":20},{"duration":"2m0s","target":20},` +
			`{"duration":"0s","target":5},{"duration":"2m0s","target":5},{"duration":"30s","target":0}]}`,
		"{rates: [500, 5], hold: '1s', taps: 10}": `{"startRate":500,"timeUnit":"10s","stages":[{"duration":"1s","target":500},` +
			`{"duration":"0s","target":5},{"duration":"1s","target":5}]}`,
		"{rates: [1], hold: 1500}":                   `{"startRate":1,"timeUnit":"1s","stages":[{"duration":"1.5s","target":1}]}`,
		"{rates: [1], hold: '1s', rampDown: '0s'}":   `{"startRate":1,"timeUnit":"1s","stages":[{"duration":"1s","target":1}]}`,
		"{rates: [7], hold: '1d', rampDown: 1000.0}": `{"startRate":7,"timeUnit":"1s","stages":[{"duration":"24h0m0s","target":7},{"duration":"1s","target":0}]}`,
	} {
		s := newProcess(t, nil).Init()
		vutest.Equal(t, given, s.Run("JSON.stringify(sm.plateaus("+given+"))").String(), want)
	}
}

func TestPlateausErrors(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Init()
	for given, want := range map[string]string{
		"":                                "plateaus: expected {rates, hold, rampDown, taps}",
		"5":                               "plateaus: expected {rates, hold, rampDown, taps}",
		"{}":                              "plateaus: expected at least one rate, and a hold above 0",
		"{rates: [], hold: 1}":            "plateaus: expected at least one rate, and a hold above 0",
		"{rates: [1]}":                    "plateaus: expected at least one rate, and a hold above 0",
		"{rates: [1], hold: 0}":           "plateaus: expected at least one rate, and a hold above 0",
		"{rates: [1], hold: 1, up: '1s'}": `plateaus: unknown option "up"; it takes hold, rampDown, rates, taps`,
		"{rates: [1, 0], hold: 1}":        "plateaus: option rates: rates must be whole numbers of 1 or more, got 0",
		"{rates: [1.5], hold: 1}":         "plateaus: option rates: rates must be whole numbers of 1 or more, got 1.5",
		"{rates: [NaN], hold: 1}":         "plateaus: option rates: rates must be whole numbers of 1 or more, got NaN",
		"{rates: [Infinity], hold: 1}":    "plateaus: option rates: rates must be whole numbers of 1 or more, got Infinity",
		"{rates: [true], hold: 1}":        "plateaus: option rates: rates must be whole numbers of 1 or more, got true",
		"{rates: [[10]], hold: 1}":        "plateaus: option rates: rates must be whole numbers of 1 or more, got 10",
		"{rates: ['0x10'], hold: 1}":      "plateaus: option rates: rates must be whole numbers of 1 or more, got 0x10",
		"{rates: [1], hold: 1e300}":       "plateaus: option hold: a duration is expected, such as 1m30s, or milliseconds, got 1e+300",
		"{rates: [1], hold: 1, taps: 0}":  "plateaus: option taps: the number of taps, a whole number from 1 to 1000",
		"{rates: 10, hold: 1}":            "plateaus: option rates: an array of rates is expected, such as [100, 200], got 10",
		"{rates: [1], hold: 'long'}":      "plateaus: option hold: a duration is expected, such as 1m30s, or milliseconds, got long",
	} {
		vutest.Equal(t, given, s.Fails("sm.plateaus("+given+")"), want)
	}
}

// Each scenario may have plateaus of its own. Thresholds are for all of them, once.
func TestPlateausOfScenarios(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	for range 2 {
		s := p.Init()
		s.Run("sm.plateaus({rates: [1, 2], hold: '5s'}); sm.plateaus({rates: [2, 3], hold: '1m'})")
		vutest.Equal(t, "thresholds", s.Run("Object.keys(sm.thresholds()).filter(name => name.startsWith('redirect')).join()").String(),
			"redirect_latency,redirect_latency{plateau:1},redirect_latency{plateau:2},redirect_latency{plateau:3}")
	}
	vutest.Equal(t, "warnings", len(p.Log.AllEntries()), 0)
}

// The script's stages are k6's: they must last as long as the plateaus that the taps are tagged with.
func TestStagesLastAsLongAsThePlateaus(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Init()
	vutest.Equal(t, "durations", s.Run("sm.plateaus({rates: [1, 2, 3], hold: '90s', rampDown: '1m'}).stages.map(s => s.duration).join(' ')").String(),
		"1m30s 0s 1m30s 0s 1m30s 1m0s")
}
