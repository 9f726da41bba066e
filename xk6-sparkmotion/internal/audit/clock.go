package audit

import (
	"net/http"
	"time"
)

// Clock is how far the servers' clocks are ahead of this machine's, by the Date headers of their answers or by recorded taps: between Least
// and Most.
type Clock struct {
	Least, Most time.Duration
	seen        bool
}

// See takes an answer's Date, which has whole seconds, to a request sent and answered at these times. It reports whether there is one.
func (c *Clock) See(date string, sent, received time.Time) bool {
	at, err := http.ParseTime(date)
	if err == nil {
		c.add(at.Sub(received), at.Add(time.Second).Sub(sent))
	}
	return err == nil
}

// SeeRows takes the times of the set's own rows: a server gave each between the moments when its tap was sent and answered. It returns how
// many there are.
func (c *Clock) SeeRows(s *Set, rows []Row) (own int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		i, known := s.index[row.Band]
		if !known || row.Agent != s.agent || s.taps[i].answer == None {
			continue
		}
		began, ended := time.UnixMilli(s.taps[i].began), time.UnixMilli(s.taps[i].ended)
		c.add(row.At.Sub(ended), row.At.Sub(began))
		own++
	}
	return own
}

// add widens the clock, so that of several servers none is left out.
func (c *Clock) add(least, most time.Duration) {
	if c.seen {
		least, most = min(least, c.Least), max(most, c.Most)
	}
	*c = Clock{least, most, true}
}

// Wider returns a clock that may be so much further off.
func (c Clock) Wider(by time.Duration) Clock { return Clock{c.Least - by, c.Most + by, c.seen} }

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
