package audit

import (
	"fmt"
	"net/http"
	"time"
)

// Clock is how far the servers' clocks are ahead of this machine's, by the Date headers of their answers: between Least and Most.
type Clock struct {
	Least, Most time.Duration
	seen        bool
}

// See takes an answer's Date, which has whole seconds, to a request sent and answered at these times. Of several servers, none is
// left out.
func (c *Clock) See(date string, sent, received time.Time) error {
	at, err := http.ParseTime(date)
	if err != nil {
		return fmt.Errorf("the answer's Date is %q: its clock can't be compared with this machine's", date)
	}
	least, most := at.Sub(received), at.Add(time.Second).Sub(sent)
	if c.seen {
		least, most = min(least, c.Least), max(most, c.Most)
	}
	*c = Clock{least, most, true}
	return nil
}

// slack is how far apart the clocks of the machines behind one name may be: an answer shows only one of them.
const slack = time.Second

// Around returns the servers' times that can correspond to a window of this machine's time.
func (c Clock) Around(w Window) Window {
	return Window{w.From.Add(c.Least - slack), w.To.Add(c.Most + slack)}
}

// Within returns the servers' times that certainly lie in a window of this machine's time.
func (c Clock) Within(w Window) Window {
	return Window{w.From.Add(c.Most + slack), w.To.Add(c.Least - slack)}
}
