// Package hostname writes hosts as they are compared: in lower case, international names in ASCII, without a default port or the dot that may
// end a name.
package hostname

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// Normal returns the host of a text, which may be a URL, or a host with or without a port: then the ports of http and https are
// both a default. It is empty for a text that is neither.
func Normal(text string) string {
	if u := parse(text); u != nil {
		return Of(u)
	}
	return ""
}

// Name returns the name of such a host, without a port.
func Name(text string) string {
	if u := parse(text); u != nil {
		return ASCII(u.Hostname())
	}
	return ""
}

// parse returns nil for a text that is neither.
func parse(text string) *url.URL {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	return u
}

// Of returns a URL's host; it is empty when it has none.
func Of(u *url.URL) string {
	name, port, scheme := ASCII(u.Hostname()), u.Port(), strings.ToLower(u.Scheme)
	if strings.Contains(name, ":") {
		if !Valid(name) {
			return ""
		}
		name = "[" + strings.Replace(name, "%", "%25", 1) + "]" // a zone, as URLs have it
	}
	if port == "" || port == "80" && scheme != "https" || port == "443" && scheme != "http" {
		return name
	}
	return name + ":" + port
}

// ASCII returns a host's name as it stands in DNS and in HTTP.
func ASCII(name string) string {
	if address, err := netip.ParseAddr(name); err == nil {
		return address.String()
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		ascii = strings.ToLower(name) // a name that DNS takes and IDNA does not
	}
	return strings.TrimRight(ascii, ".")
}

// Valid reports whether a name, as [ASCII] writes it, can be a host's.
func Valid(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	}
	return !strings.ContainsFunc(name, foreign) && !slices.Contains(strings.Split(name, "."), "")
}
