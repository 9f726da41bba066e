package test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// A secret that was read from a file ends in a line break, which no header can hold. One inside it is named, and the secret is not.
func TestSecretsOfFiles(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer hush":
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/api"):
			_, _ = io.WriteString(w, `{"success":true,"flushed":1,"remaining":0}`)
		case r.URL.Path == "/pipeline":
			_, _ = io.WriteString(w, counted(42, 0))
		default:
			_, _ = io.WriteString(w, `{"result":7}`)
		}
	})
	s := newProcess(t, map[string]string{"HUB_URL": link, "UPSTASH_REDIS_REST_URL": link}).Start(1)
	for call, want := range map[string]string{
		"sm.flushTaps({secret: SECRET}).flushed":                  "1",
		"sm.queueDepth({token: SECRET, url: ' " + link + "\\n'})": "42",
		"new sm.Upstash({token: SECRET}).command(['PING'])":       "7",
	} {
		vutest.Equal(t, call, s.Run(strings.ReplaceAll(call, "SECRET", `'hush\r\n'`)).String(), want)
		got := s.Fails(strings.ReplaceAll(call, "SECRET", `'hu\nsh'`))
		if !strings.Contains(got, "it holds a line break: remove it") || strings.Contains(got, "hu\nsh") {
			t.Errorf("%s: %s", call, got)
		}
	}
}
