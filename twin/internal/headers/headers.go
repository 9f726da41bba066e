// Package headers has those that SparkMotion's answers carry, whatever they say.
package headers

import "net/http"

// Security are the headers of every answer of every part.
var Security = [][2]string{
	{"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"X-XSS-Protection", "1; mode=block"},
}

// NextJS adds what the apps on Next.js, the Hub and the Admin, answer with. By its Vary, the Hub's answers can be told from the Worker's.
func NextJS(app http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range Security {
			w.Header().Set(h[0], h[1])
		}
		w.Header().Set("Vary", "RSC, Next-Router-State-Tree, Next-Router-Prefetch")
		app.ServeHTTP(w, r)
	})
}
