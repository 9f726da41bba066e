package lane

import (
	"testing"

	"go.k6.io/k6/v2/lib"
)

func TestNewTarget(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"http://täp.example.com:7450": "http://xn--tp-via.example.com:7450/e xn--tp-via.example.com:7450",
		"https://Org.Example.com/":    "https://org.example.com/e org.example.com:443",
		"https://user:hush@h.example": "https://****:****@h.example/e h.example:443",
		"http://[::1]:80/base":        "http://[::1]:80/base/e [::1]:80",
	} {
		target, err := NewTarget(Link{Origin: origin, Setting: "WORKER_URL", Protocol: HTTP1}, &lib.Options{}, new(Pool))
		if err != nil {
			t.Errorf("%s: %v", origin, err)
			continue
		}
		if got := target.Name + " " + target.Host(); got != want {
			t.Errorf("%s: %s, want %s", origin, got, want)
		}
	}
}
