package capacity

import "maps"

// Failure is what is known of a kind of failures besides how many there were.
type Failure struct {
	Part   string `json:"part"`   // of the system
	Sample string `json:"sample"` // what the first one said
}

// failures are by kind. There is room for as many as in a [Tally], and one for all others.
type failures map[string]Failure

// keep keeps the first failure of a kind, and returns the name that the kind has here.
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

// merge adds other's kinds, and drops those that a tally of both has among all others.
func (f *failures) merge(other failures, tally Tally) {
	all := maps.Clone(other)
	if all == nil {
		all = make(failures)
	}
	maps.Copy(all, *f)
	maps.DeleteFunc(all, func(kind string, _ Failure) bool { return tally[kind] == 0 })
	*f = all
}
