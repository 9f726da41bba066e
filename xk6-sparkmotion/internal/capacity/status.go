package capacity

// Status is what is known of a metric, a plateau, or a run.
type Status string

// From the best to the worst. Generator and NoData are no verdict on the system, and Incomplete is none on all that was planned.
const (
	Pass      Status = "PASS"
	Warn      Status = "WARN"
	Fail      Status = "FAIL"
	NoData    Status = "NOT ENOUGH DATA"
	Generator Status = "GENERATOR"
	// Incomplete is a run that was stopped before its plan was done, and that nothing had failed in until then.
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
