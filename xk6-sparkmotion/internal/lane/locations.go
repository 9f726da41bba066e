package lane

import (
	"net/url"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hostname"
)

// Hosts are the known targets of redirects, in the form of [hostname.Normal].
type Hosts struct {
	Page      string   // host of the event's page
	Fallbacks []string // hosts to which a Worker redirects if it failed, or could not reach the Hub
}

// Destination is where a redirect led.
type Destination int

// The destinations.
const (
	Nowhere   Destination = iota // not a URL with a host
	Page                         // the event's page
	Fallback                     // a fallback: the tap failed
	Elsewhere                    // another host
)

// NewHosts returns the hosts of a page and of fallbacks, each given as a host or a URL.
func NewHosts(page string, fallbacks []string) *Hosts {
	h := &Hosts{Page: hostname.Normal(page)}
	for _, fallback := range fallbacks {
		h.Fallbacks = append(h.Fallbacks, hostname.Normal(fallback))
	}
	return h
}

// Destination returns where a redirect to a host led.
func (h *Hosts) Destination(host string) Destination {
	switch {
	case host == "":
		return Nowhere
	case host == h.Page:
		return Page
	case slices.Contains(h.Fallbacks, host):
		return Fallback
	}
	return Elsewhere
}

// maxLocations bounds what a connection remembers. Usually there are two Locations, with and without UTM parameters.
const maxLocations = 64

// locations caches the Locations that a connection has seen, with their hosts: a run has few, and each tap looks one up.
type locations map[string]location

type location struct{ text, host string }

// find returns a Location as text, and its host, which is empty if the Location is not a URL with a host.
func (l *locations) find(field []byte) (text, host string) {
	if known, ok := (*l)[string(field)]; ok {
		return known.text, known.host
	}
	found := location{text: string(field)}
	if u, err := url.Parse(found.text); err == nil && u.Host != "" {
		found.host = hostname.Of(u)
	}
	if *l == nil || len(*l) >= maxLocations {
		*l = make(locations)
	}
	(*l)[found.text] = found
	return found.text, found.host
}
