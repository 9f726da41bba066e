package fault

import (
	"net"
	"net/http"
)

// Message is the body of an injected error, so that nobody takes it for the part's own.
const Message = `{"error":"injected by the twin (see /faults)"}`

// Wrap puts the gate before an HTTP part.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch v := g.Enter(r.Context().Done()); {
		case v.Reset:
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				Reset(conn)
			}
		case v.Status != 0:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(v.Status)
			_, _ = w.Write([]byte(Message))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// Reset closes a connection so that the other side sees RST, not an orderly end.
func Reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
