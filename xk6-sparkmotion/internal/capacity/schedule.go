package capacity

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is what plateaus ask for.
type Schedule struct {
	Rates []float64     `json:"rates"`        // arrival rates a second, of all processes together
	Names []string      `json:"names"`        // their tags
	Hold  time.Duration `json:"hold_seconds"` // each
}

// rampDown is the name of the time after the last plateau.
const rampDown = "ramp-down"

// At returns the name of what holds at a time since the first plateau began.
func (s Schedule) At(elapsed time.Duration) string {
	if i := int(elapsed / s.Hold); i < len(s.Names) {
		return s.Names[i]
	}
	return rampDown
}

// Same reports whether another schedule asks for the same.
func (s Schedule) Same(other Schedule) bool {
	return slices.Equal(s.Rates, other.Rates) && slices.Equal(s.Names, other.Names) && s.Hold == other.Hold
}

func (s Schedule) String() string {
	if len(s.Names) == 0 {
		return "no plateaus"
	}
	return fmt.Sprintf("the plateaus %s of %s", strings.Join(s.Names, ", "), s.Hold)
}

// scheduleFields are a schedule's, without its methods.
type scheduleFields Schedule

// MarshalJSON has the hold in seconds.
func (s Schedule) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		scheduleFields
		Hold seconds `json:"hold_seconds"`
	}{scheduleFields(s), seconds(s.Hold)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Schedule) UnmarshalJSON(text []byte) error {
	var read struct {
		scheduleFields
		Hold seconds `json:"hold_seconds"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = Schedule(read.scheduleFields)
	s.Hold = time.Duration(read.Hold)
	return nil
}

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
