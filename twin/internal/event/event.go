// Package event holds what every part knows before the first tap: the events, their bands, and what a tap is.
package event

import "fmt"

// Bands is how many bands each event has.
const Bands = 200_000

// Event is one event and where its bands lead.
type Event struct {
	ID     string
	Name   string
	Prefix string // of its band IDs
	URL    string // the page that the event shows now
	Mode   string
}

// All are the events of the load test, in the order E1, E2, E3.
var All = []*Event{
	{ID: "loadtest-nashville", Name: "Nashville", Prefix: "LOADTEST-E1-", URL: "https://compassion.com/live", Mode: "live"},
	{ID: "loadtest-dallas", Name: "Dallas", Prefix: "LOADTEST-E2-", URL: "https://compassion.com/live", Mode: "live"},
	{ID: "loadtest-denver", Name: "Denver", Prefix: "LOADTEST-E3-", URL: "https://compassion.com/live", Mode: "live"},
}

// BandID is the event's band number n, from 1 up.
func (e *Event) BandID(n int) string { return fmt.Sprintf("%s%06d", e.Prefix, n) }
