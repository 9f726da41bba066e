// Package allowlist keeps load from hosts that nobody has named.
package allowlist

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hostname"
)

// Origin is the address of a part, and the setting that has it.
type Origin struct{ Part, Setting, URL string }

// Check refuses hosts that are not allowed: ten thousand requests a second at the wrong address are an outage. This
// machine is always allowed. allowed is a list separated by commas, in which *.example.com allows all subdomains.
func Check(allowed string, origins []Origin) error {
	names := strings.FieldsFunc(strings.ToLower(allowed), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	for i, name := range names {
		var why string
		switch names[i] = normal(name); {
		case strings.ContainsAny(name, "\"'`“”‘’"):
			why = "holds a quote: remove the quotes"
		case !namesHosts(names[i]):
			why = "is neither" // not the text: a URL may hold a password
		default:
			continue
		}
		return fmt.Errorf("ALLOWED_HOSTS takes hosts separated by commas, without scheme, port or path, and *.example.com for all subdomains: entry %d %s",
			i+1, why)
	}
	var strangers, missing []string
	for _, at := range origins {
		u, err := url.Parse(at.URL)
		if err != nil || u.Hostname() == "" {
			continue // it isn't configured, or will be refused, or is go-redis's localhost
		}
		host := hostname.ASCII(u.Hostname())
		if isLoopback(host) || slices.ContainsFunc(names, func(name string) bool { return isHost(name, host) }) {
			continue
		}
		strangers = append(strangers, fmt.Sprintf("%s (%s)", host, at.Setting))
		if !slices.Contains(missing, host) {
			missing = append(missing, host)
		}
	}
	if len(strangers) == 0 {
		return nil
	}
	return fmt.Errorf("no load is sent to %s: it is not this machine and not in ALLOWED_HOSTS. If you may load it, set ALLOWED_HOSTS=%s",
		strings.Join(strangers, ", "), strings.Join(append(names, missing...), ","))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// normal writes an entry as hosts are compared. An address may be in the brackets that it has in a URL.
func normal(name string) string {
	if rest, wild := strings.CutPrefix(name, "*."); wild {
		return "*." + hostname.ASCII(rest)
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	return hostname.ASCII(name)
}

// namesHosts reports whether name can be a host's, or *.domain.
func namesHosts(name string) bool { return hostname.Valid(strings.TrimPrefix(name, "*.")) }

// isHost reports whether name is the host, or *.domain and the host below that.
func isHost(name, host string) bool {
	domain, wild := strings.CutPrefix(name, "*")
	return name == host || (wild && strings.HasSuffix(host, domain))
}
