package capacity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Read returns the report in a run's summary, which is k6's data with a report as "capacity". It fails on a report of another Schema.
func Read(summary io.Reader) (*Report, error) {
	var file struct {
		Capacity json.RawMessage `json:"capacity"`
	}
	if err := json.NewDecoder(summary).Decode(&file); err != nil {
		return nil, fmt.Errorf("not a run's summary in JSON: %w", err)
	}
	if file.Capacity == nil || string(file.Capacity) == "null" {
		return nil, errors.New("it has no capacity: it takes report(data) in the script's handleSummary, and a k6 with " +
			"a k6/x/sparkmotion that judges capacity")
	}
	var version struct{ Schema int }
	if err := json.Unmarshal(file.Capacity, &version); err != nil {
		return nil, fmt.Errorf("its capacity is not a report: %w", err)
	}
	if version.Schema != Schema {
		return nil, fmt.Errorf("its capacity has schema %d, and this k6 reads %d: make both files with the same k6", version.Schema, Schema)
	}
	var r Report
	if err := json.Unmarshal(file.Capacity, &r); err != nil {
		return nil, fmt.Errorf("its capacity is not a report: %w", err)
	}
	if !r.possible() {
		return nil, errors.New("its capacity is not a report: it has a plateau without a rate or a length, or a course without steps")
	}
	return &r, nil
}

// possible reports whether what figures are divided by is what a [Recorder] could have left.
func (r *Report) possible() bool {
	empty := func(p Plateau) bool { return p.Rate <= 0 || p.Seconds <= 0 }
	for _, other := range r.Scenarios {
		if slices.ContainsFunc(other.Plateaus, empty) {
			return false
		}
	}
	s := r.Series
	return !slices.ContainsFunc(r.Plateaus, empty) && (s.Step >= 1 || len(s.Achieved)+len(s.Failed) == 0)
}
