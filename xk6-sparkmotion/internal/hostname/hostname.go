// Package hostname writes hosts as they are compared: in lower case, international names in ASCII, without a default port.
package hostname

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Normal returns the host of a text, which may be a URL, or a host with or without a port: then the ports of http and https are
// both a default. It is empty for a text that is neither.
func Normal(text string) string {
	if !strings.Contains(text, "://") {
		text = "//" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return Of(u)
}

// Of returns a URL's host; empty when it has none.
func Of(u *url.URL) string {
	name, port, scheme := ASCII(u.Hostname()), u.Port(), strings.ToLower(u.Scheme)
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" || port == "80" && scheme != "https" || port == "443" && scheme != "http" {
		return name
	}
	return name + ":" + port
}

// ASCII returns a host's name as it stands in DNS and in HTTP.
func ASCII(name string) string {
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return strings.ToLower(name) // an address, or a name that DNS takes and IDNA does not
}
