package capacity

import "maps"

// Failure is what is known about a kind of failure besides the number.
type Failure struct {
	Part   string `json:"part"`   // of the system
	Sample string `json:"sample"` // message of the first one
}

// failures has a Failure for each kind. There is room for as many kinds as a [Tally] has names, and one for all others.
type failures map[string]Failure

// keep keeps the first failure of a kind, and returns the kind's name in the report.
func (f *failures) keep(part, kind string, say func() string) string {
	if _, known := (*f)[kind]; known {
		return kind
	}
	if len(*f) >= mostNames {
		kind = AllOthers
		if _, known := (*f)[kind]; known {
			return kind
		}
	}
	if *f == nil {
		*f = make(failures)
	}
	(*f)[kind] = Failure{part, say()}
	return kind
}

// merge adds other's kinds, and drops those that the tally of both counts among all others.
func (f *failures) merge(other failures, tally Tally) {
	all := maps.Clone(other)
	if all == nil {
		all = make(failures)
	}
	maps.Copy(all, *f)
	maps.DeleteFunc(all, func(kind string, _ Failure) bool { return tally[kind] == 0 })
	*f = all
}
