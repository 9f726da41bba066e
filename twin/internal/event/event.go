// Package event holds what every part knows before the first tap: the organization, its events, their bands and
// windows, and what a tap is.
package event

import "fmt"

// Bands is how many bands each event has.
const Bands = 200_000

// Org is the organization that the events belong to. Its slug is the first label of the Worker's host, and the Worker
// is at 127.0.0.1: that host has four labels, so the real Worker too takes "127" for the organization's slug.
var Org = struct{ ID, Name, Slug string }{ID: id("loadtestorg"), Name: "Load Test Org", Slug: "127"}

// User is the one user of the Admin app.
var User = struct{ ID, Name string }{ID: id("loadtestuser"), Name: "Load Test"}

// Event is one event and its windows.
type Event struct {
	ID        string
	Name      string
	City      string
	State     string
	Prefix    string // of its band IDs
	Attendees int    // as estimated
	Windows   []Window
}

// Window is a phase of an event and the page that it shows.
type Window struct {
	ID     string
	Type   string // PRE, LIVE or POST
	URL    string
	Active bool
}

// All are the events of the load test, in the order E1, E2, E3.
var All = []*Event{
	newEvent(1, "Nashville", "TN"),
	newEvent(2, "Dallas", "TX"),
	newEvent(3, "Denver", "CO"),
}

func newEvent(n int, city, state string) *Event {
	window := func(kind, page string, active bool) Window {
		return Window{ID: id(fmt.Sprintf("window%d%s", n, page)), Type: kind, URL: "https://compassion.com/" + page, Active: active}
	}
	return &Event{
		ID: id(fmt.Sprintf("loadtestevent%d", n)), Name: "LT Event " + city, City: city, State: state,
		Prefix: fmt.Sprintf("LOADTEST-E%d-", n), Attendees: Bands,
		Windows: []Window{window("PRE", "pre", false), window("LIVE", "live", true), window("POST", "post", false)},
	}
}

// BandID is the event's band number n, from 1 up.
func (e *Event) BandID(n int) string { return fmt.Sprintf("%s%06d", e.Prefix, n) }

// id makes a fixed ID in the form of a cuid.
func id(name string) string { return fmt.Sprintf("cm%023s", name) }
