package lane

import "net/url"

// maxLocations bounds what a connection remembers: usually two, with and without UTM parameters.
const maxLocations = 64

// locations are those that a connection has seen, with the hosts that they lead to: a run has few, and asks for them often.
type locations map[string]location

type location struct{ text, host string }

// find returns a Location as text, and its host; that is empty for one that is no URL with a host.
func (l *locations) find(field []byte) (text, host string) {
	if known, ok := (*l)[string(field)]; ok {
		return known.text, known.host
	}
	found := location{text: string(field)}
	if u, err := url.Parse(found.text); err == nil {
		found.host = u.Host
	}
	if *l == nil || len(*l) >= maxLocations {
		*l = make(locations)
	}
	(*l)[found.text] = found
	return found.text, found.host
}
