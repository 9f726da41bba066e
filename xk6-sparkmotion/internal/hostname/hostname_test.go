package hostname

import "testing"

func TestNormal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"compassion.com":                "compassion.com",
		"Compassion.COM":                "compassion.com",
		"https://compassion.com":        "compassion.com",
		"HTTPS://Compassion.com:443/":   "compassion.com",
		"compassion.com:443":            "compassion.com",
		"compassion.com:80":             "compassion.com",
		"http://compassion.com:443":     "compassion.com:443",
		"https://compassion.com:80":     "compassion.com:80",
		"compassion.com:8443/live":      "compassion.com:8443",
		"https://täp.example.com":       "xn--tp-via.example.com",
		"xn--tp-via.example.com":        "xn--tp-via.example.com",
		"my_page.example.com":           "my_page.example.com",
		"compassion.com.":               "compassion.com",
		"https://SparkMotion.NET.:443/": "sparkmotion.net",
		"https://täp.example.com./":     "xn--tp-via.example.com",
		"http://[2001:DB8:0:0::1]:3000": "[2001:db8::1]:3000",
		"127.0.0.1:8080":                "127.0.0.1:8080",
		"http://[::1]:3000":             "[::1]:3000",
		"https://user:p@host/x?y#z":     "host",
		"":                              "",
		"https://":                      "",
		"http://[half":                  "",
	} {
		if got := Normal(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestValid(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"compassion.com": true, "my_page.example.com": true, "xn--tp-via.example.com": true, "localhost": true, "10.0.0.1": true, "2001:db8::1": true,
		"": false, "a b": false, "a;b": false, `"a.com"`: false, "*.a.com": false, "a..com": false, ".a.com": false, "a.com/x": false, "tä p": false,
	} {
		if got := Valid(ASCII(name)); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
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
