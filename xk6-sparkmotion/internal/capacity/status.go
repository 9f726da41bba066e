package capacity

// Status is what is known of a metric, a plateau, or a run.
type Status string

// From the best to the worst. The last two are no verdict on the system.
const (
	Pass      Status = "PASS"
	Warn      Status = "WARN"
	Fail      Status = "FAIL"
	NoData    Status = "NOT ENOUGH DATA"
	Generator Status = "GENERATOR"
)

// worse returns the worse of two verdicts on the system.
func worse(a, b Status) Status {
	order := map[Status]int{Pass: 1, Warn: 2, Fail: 3}
	if order[b] > order[a] {
		return b
	}
	return a
}
