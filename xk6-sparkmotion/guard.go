package sparkmotion

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// origin is where a part is, and the setting that says so.
type origin struct{ part, setting, url string }

// guard refuses hosts that nobody has named: ten thousand requests a second at the wrong address is an outage. This
// machine's own need no name. allowed is a list with commas, in which *.example.com stands for all hosts below that.
func guard(allowed string, origins []origin) error {
	names := strings.FieldsFunc(strings.ToLower(allowed), func(r rune) bool { return r == ',' || r == ' ' })
	var strangers, missing []string
	for _, at := range origins {
		u, err := url.Parse(at.url)
		if err != nil || u.Hostname() == "" {
			continue // it isn't configured, or will be refused, or is go-redis's localhost
		}
		host := strings.ToLower(u.Hostname())
		if isLoopback(host) || slices.ContainsFunc(names, func(name string) bool { return isHost(name, host) }) {
			continue
		}
		strangers = append(strangers, fmt.Sprintf("%s (%s)", host, at.setting))
		if !slices.Contains(missing, host) {
			missing = append(missing, host)
		}
	}
	if len(strangers) == 0 {
		return nil
	}
	return fmt.Errorf("no load is sent to %s: it is not this machine, and nobody has named it. If it is yours to load, set ALLOWED_HOSTS=%s",
		strings.Join(strangers, ", "), strings.Join(append(names, missing...), ","))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// isHost tells whether name is the host, or *.domain and the host below that.
func isHost(name, host string) bool {
	domain, wild := strings.CutPrefix(name, "*")
	return name == host || (wild && strings.HasPrefix(domain, ".") && domain != "." && strings.HasSuffix(host, domain))
}
