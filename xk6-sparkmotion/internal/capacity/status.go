package capacity

// Status is what is known about a metric, a plateau, or a run.
type Status string

// From best to worst. Generator and NoData are not verdicts on the system, and Incomplete is not one on all that was planned.
const (
	Pass      Status = "PASS"
	Warn      Status = "WARN"
	Fail      Status = "FAIL"
	NoData    Status = "NOT ENOUGH DATA"
	Generator Status = "GENERATOR"
	// Incomplete is a run that was stopped before its plan was done, without a failure until then.
	Incomplete Status = "INCOMPLETE"
)

// worse returns the worse of two verdicts on the system.
func worse(a, b Status) Status {
	order := map[Status]int{Pass: 1, Warn: 2, Fail: 3}
	if order[b] > order[a] {
		return b
	}
	return a
}
