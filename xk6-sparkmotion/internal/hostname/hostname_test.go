package hostname

import "testing"

func TestNormal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"compassion.com":              "compassion.com",
		"Compassion.COM":              "compassion.com",
		"https://compassion.com":      "compassion.com",
		"HTTPS://Compassion.com:443/": "compassion.com",
		"compassion.com:443":          "compassion.com",
		"compassion.com:80":           "compassion.com",
		"http://compassion.com:443":   "compassion.com:443",
		"https://compassion.com:80":   "compassion.com:80",
		"compassion.com:8443/live":    "compassion.com:8443",
		"https://täp.example.com":     "xn--tp-via.example.com",
		"xn--tp-via.example.com":      "xn--tp-via.example.com",
		"my_page.example.com":         "my_page.example.com",
		"127.0.0.1:8080":              "127.0.0.1:8080",
		"http://[::1]:3000":           "[::1]:3000",
		"https://user:p@host/x?y#z":   "host",
		"":                            "",
		"https://":                    "",
		"http://[half":                "",
	} {
		if got := Normal(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzNormal holds that what was written once stays as it is.
func FuzzNormal(f *testing.F) {
	f.Add("https://TÄP.example:8443/x")
	f.Fuzz(func(t *testing.T, text string) {
		if once := Normal(text); Normal(once) != once {
			t.Errorf("%q: %q, then %q", text, once, Normal(once))
		}
	})
}
