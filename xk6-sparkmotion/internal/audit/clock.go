package audit

import (
	"fmt"
	"net/http"
	"time"
)

// Clock is how far servers' clocks are ahead of this machine's, as their answers' Date headers tell: somewhere from Least to Most.
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

// slack is how far the clocks of the machines behind one name may be apart: an answer shows one of them.
const slack = time.Second

// Around returns the servers' time that what happened in a window of this machine's time can have had.
func (c Clock) Around(w Window) Window {
	return Window{w.From.Add(c.Least - slack), w.To.Add(c.Most + slack)}
}

// Within returns the servers' time that lies in a window of this machine's time for sure.
func (c Clock) Within(w Window) Window {
	return Window{w.From.Add(c.Most + slack), w.To.Add(c.Least - slack)}
}
