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

// Stage is a part of a schedule in which the rate holds, climbs or falls. Rates are iterations a second, of all processes together.
type Stage struct {
	Name  string  `json:"name"` // the tag plateau
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Lasts seconds `json:"seconds"`
}

// What the tag plateau is called where the rate is under way to another.
const (
	RampUp   = "ramp-up"
	rampDown = "ramp-down" // and after the last stage
	settling = "settling"  // of a rate that is there, but has only just begun
)

// settleShare is the part of a stage in which its rate settles: connections are made then, and virtual users, which no rate that goes on needs.
const settleShare = 20

// Then returns the schedule with one more stage; of one that jumps to its rate nothing is to be seen.
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

// Settling returns the schedule with the first twentieth of each rate that is held told apart. A rate that goes on from the stage before has
// settled.
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

// Carrying returns the schedule with its plateaus named by the taps a second that iterations of so many come to.
func (s Schedule) Carrying(taps int) Schedule {
	named := slices.Clone(s)
	for i, stage := range s {
		if stage.Holds() {
			named[i].Name = NameOf(stage.To * float64(taps))
		}
	}
	return named
}

// NameOf is what a plateau is called, by its rate: 500, or 1.667 for 100 a minute.
func NameOf(rate float64) string {
	if rate != math.Trunc(rate) {
		rate = units.Significant(rate, 4)
	}
	return strconv.FormatFloat(rate, 'f', -1, 64)
}

// Holds reports whether the stage is a plateau.
func (s Stage) Holds() bool { return s.keeps() && s.Name != settling }

// keeps reports whether the rate stays what it is: that of a plateau, or of what settles before one.
func (s Stage) keeps() bool { return s.From == s.To && s.To > 0 }

// settled reports whether the stage before one is what settled for it.
func (s Schedule) settled(i int) bool { return i > 0 && s[i-1].Name == settling }

// Plateaus are the stages that hold.
func (s Schedule) Plateaus() []Stage {
	return slices.DeleteFunc(slices.Clone(s), func(stage Stage) bool { return !stage.Holds() })
}

// At returns the name of the stage at a time since the first began, its place among the stages, and how many tenths of it are over: of
// plateaus alone.
func (s Schedule) At(elapsed time.Duration) (name string, stage, tenth int) {
	i, since := s.stage(elapsed)
	if i == len(s) {
		return rampDown, i, 0
	}
	return s[i].Name, i, s[i].tenth(since)
}

// tenth is how many tenths of a plateau are over, so far into it.
func (s Stage) tenth(since time.Duration) int {
	if !s.Holds() {
		return 0
	}
	return int(batches * since / time.Duration(s.Lasts))
}

// stage returns which stage a time is in, and how far; after the last it is the one that would follow.
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

// Jump returns the higher rate that a stage is followed by at once, and when that begins, since the first stage did; false when there is none.
func (s Schedule) Jump(stage int) (rate float64, at time.Duration, ok bool) {
	if stage+1 >= len(s) || s[stage+1].From <= s[stage].To {
		return 0, 0, false
	}
	for _, before := range s[:stage+1] {
		at += time.Duration(before.Lasts)
	}
	return s[stage+1].From, at, true
}

// passing are the stages that climb or fall to a rate which the next one does not hold: it was asked for, and is no plateau.
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

// MarshalJSON has an array, also of nothing.
func (s Schedule) MarshalJSON() ([]byte, error) { return json.Marshal(append([]Stage{}, s...)) }

// seconds is a duration that JSON has in seconds, to the nanosecond.
type seconds time.Duration

// MarshalJSON has no exponent, and no digit that the duration lacks.
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
