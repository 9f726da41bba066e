package capacity

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Schedule is a scenario's arrival rate over time, as k6 executes it.
type Schedule []Stage

// Stage is a part of a schedule in which the rate holds, climbs or falls. Rates are iterations per second, of all processes together.
type Stage struct {
	Name  string  `json:"name"` // value of the tag plateau
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Lasts seconds `json:"seconds"`
}

// Values of the tag plateau where the rate is on its way to another.
const (
	RampUp   = "ramp-up"
	rampDown = "ramp-down" // also after the last stage
	settling = "settling"  // the rate is reached, but has only just begun
)

// settleShare is the part of a stage, 1 in 20, in which its rate settles: connections and virtual users are made, unless the rate goes on.
const settleShare = 20

// Then returns the schedule with one more stage. A jump to a rate adds none.
func (s Schedule) Then(from, to float64, lasts time.Duration) Schedule {
	stage := Stage{From: from, To: to, Lasts: seconds(lasts)}
	switch {
	case lasts <= 0:
		return s
	case stage.Holds():
		stage.Name = NameOf(to)
	case to > from:
		stage.Name = RampUp
	default:
		stage.Name = rampDown
	}
	return append(s, stage)
}

// Settling returns the schedule with the first twentieth of each held rate as a stage of its own. A rate that goes on from the stage before
// has settled.
func (s Schedule) Settling() Schedule {
	var settled Schedule
	for i, stage := range s {
		goesOn := i > 0 && s[i-1].keeps() && s[i-1].To == stage.To
		if share := stage.Lasts / settleShare; stage.keeps() && share > 0 && !goesOn {
			settled = append(settled, Stage{settling, stage.From, stage.To, share})
			stage.Lasts -= share
		}
		settled = append(settled, stage)
	}
	return settled
}

// Carrying returns the schedule with plateaus named by taps a second, if each iteration carries this many.
func (s Schedule) Carrying(taps int) Schedule {
	named := slices.Clone(s)
	for i, stage := range s {
		if stage.Holds() {
			named[i].Name = NameOf(stage.To * float64(taps))
		}
	}
	return named
}

// NameOf returns the name of a plateau by its rate: 500, or 1.667 for 100 a minute.
func NameOf(rate float64) string {
	if rate != math.Trunc(rate) {
		rate = units.Significant(rate, 4)
	}
	return strconv.FormatFloat(rate, 'f', -1, 64)
}

// Holds reports whether the stage is a plateau.
func (s Stage) Holds() bool { return s.keeps() && s.Name != settling }

// keeps reports whether the rate stays the same: in a plateau, or while it settles for one.
func (s Stage) keeps() bool { return s.From == s.To && s.To > 0 }

// settled reports whether the i-th stage settled in the one before.
func (s Schedule) settled(i int) bool { return i > 0 && s[i-1].Name == settling }

// Plateaus returns the stages that hold.
func (s Schedule) Plateaus() []Stage {
	return slices.DeleteFunc(slices.Clone(s), func(stage Stage) bool { return !stage.Holds() })
}

// At returns the stage at a time since the first began: its name, its index, and how many tenths of it are over, which is 0 unless it is a
// plateau.
func (s Schedule) At(elapsed time.Duration) (name string, stage, tenth int) {
	i, since := s.stage(elapsed)
	if i == len(s) {
		return rampDown, i, 0
	}
	return s[i].Name, i, s[i].tenth(since)
}

// tenth returns how many tenths of a plateau are over, this long after it began.
func (s Stage) tenth(since time.Duration) int {
	if !s.Holds() {
		return 0
	}
	return int(batches * since / time.Duration(s.Lasts))
}

// stage returns the index of the stage at a time, and the time since it began. After the last stage, it is the one that would follow.
func (s Schedule) stage(elapsed time.Duration) (i int, since time.Duration) {
	for i, stage := range s {
		if lasts := time.Duration(stage.Lasts); elapsed >= lasts {
			elapsed -= lasts
			continue
		}
		return i, elapsed
	}
	return len(s), elapsed
}

// Jump returns the higher rate that follows a stage immediately, and when, since the first stage began; ok is false if none does.
func (s Schedule) Jump(stage int) (rate float64, at time.Duration, ok bool) {
	if stage+1 >= len(s) || s[stage+1].From <= s[stage].To {
		return 0, 0, false
	}
	for _, before := range s[:stage+1] {
		at += time.Duration(before.Lasts)
	}
	return s[stage+1].From, at, true
}

// passing returns the stages that climb or fall to a rate that the next one does not hold: it was asked for, but is not a plateau.
func (s Schedule) passing() []Stage {
	var passing []Stage
	for i, stage := range s {
		if !stage.keeps() && stage.To > 0 && !(i+1 < len(s) && s[i+1].keeps() && s[i+1].To == stage.To) {
			passing = append(passing, stage)
		}
	}
	return passing
}

// Same reports whether another schedule asks for the same.
func (s Schedule) Same(other Schedule) bool { return slices.Equal(s, other) }

func (s Schedule) String() string {
	var held []string
	for i, stage := range s {
		if s.settled(i) {
			stage.Lasts += s[i-1].Lasts // #nosec G602 -- no stage is before the first
		}
		if stage.Holds() {
			held = append(held, fmt.Sprintf("%s for %s", stage.Name, time.Duration(stage.Lasts)))
		}
	}
	if held == nil {
		return "no plateaus"
	}
	return "plateaus of " + listed(held)
}

// MarshalJSON returns an array, even if it is empty.
func (s Schedule) MarshalJSON() ([]byte, error) { return json.Marshal(append([]Stage{}, s...)) }

// seconds is a duration whose JSON is in seconds, to the nanosecond.
type seconds time.Duration

// MarshalJSON writes no exponent, and no more digits than the duration has.
func (s seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *seconds) UnmarshalJSON(text []byte) error {
	var value float64
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	*s = seconds(math.Round(value * float64(time.Second)))
	return nil
}
