package audit

import (
	"fmt"
	"time"
)

// Window is a span of time, including both ends, in whole milliseconds.
type Window struct{ From, To time.Time }

// Contains reports whether a time is in the window.
func (w Window) Contains(at time.Time) bool { return !at.Before(w.From) && !at.After(w.To) }

// Pages exports the rows of a window, page by page. A page with as many rows as an export gives at most may lack some: its window is
// asked for again in halves, so that a page is all that is in memory.
func Pages(w Window, limit int, export func(Window) ([]Row, error), take func([]Row)) error {
	w = Window{w.From.Truncate(time.Millisecond), w.To.Truncate(time.Millisecond)}
	rows, err := export(w)
	if err != nil {
		return err
	}
	if len(rows) < limit {
		take(rows)
		return nil
	}
	half := w.To.Sub(w.From) / 2
	if half < time.Millisecond/2 {
		return fmt.Errorf("an export of the single millisecond %s has %d rows, the most that an export returns: any others can't be read",
			w.From.UTC().Format(ISO), len(rows))
	}
	middle := w.From.Add(half).Truncate(time.Millisecond)
	if err := Pages(Window{w.From, middle}, limit, export, take); err != nil {
		return err
	}
	return Pages(Window{middle.Add(time.Millisecond), w.To}, limit, export, take)
}
