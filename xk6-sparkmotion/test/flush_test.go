package test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

func TestFlushTaps(t *testing.T) {
	t.Parallel()
	const caught = "(() => { try { return sm.flushTaps() } catch (e) { return [e, e.status] } })()"
	for _, c := range []struct {
		name    string
		status  int
		body    string
		want    string // shown, with SHOWN for the request
		emitted []string
	}{
		{"all well", 200, `{"success":true,"flushed":120,"batches":2,"failedBatches":0,"remaining":7,"durationMs":31}`,
			"{success:true,flushed:120,dropped:0,batches:2,failedBatches:0,remaining:7,durationMs:31}",
			[]string{"cron_drop_rate{} 0", "cron_dropped{} 0", "cron_errors{} 0", "cron_flushed{} 120", "queue_depth{} 7"}},
		{"nothing to do", 200, `{"success":true,"flushed":0,"batches":0,"failedBatches":0,"remaining":0,"durationMs":0}`,
			"{success:true,flushed:0,dropped:0,batches:0,failedBatches:0,remaining:0,durationMs:0}",
			[]string{"cron_drop_rate{} 0", "cron_dropped{} 0", "cron_errors{} 0", "cron_flushed{} 0", "queue_depth{} 0"}},
		{"dropped some", 200, `{"success":true,"flushed":90,"dropped":10,"remaining":0,"durationMs":12.7}`,
			"{success:true,flushed:90,dropped:10,batches:0,failedBatches:0,remaining:0,durationMs:12.7}",
			[]string{"cron_drop_rate{} 0.1", "cron_dropped{} 10", "cron_errors{} 0", "cron_flushed{} 90", "queue_depth{} 0"}},
		{"no number of taps left", 200, `{"success":true,"flushed":5,"remaining":null}`,
			"[Error(flushTaps: SHOWN: answered JSON without success, flushed and remaining. Is HUB_URL the Hub's origin?),200]", []string{"cron_errors{} 1"}},
		{"a part of a tap", 200, `{"success":true,"flushed":5.5,"remaining":0}`,
			"[Error(flushTaps: SHOWN: answered JSON in which flushed is 5.5 instead of a whole number from 0. Is this the version of the Hub that you expect?),200]", []string{"cron_errors{} 1"}},
		{"a time that is none", 200, `{"success":true,"flushed":5,"remaining":0,"durationMs":"12 ms"}`,
			"{success:true,flushed:5,dropped:0,batches:0,failedBatches:0,remaining:0,durationMs:0}",
			[]string{"cron_drop_rate{} 0", "cron_dropped{} 0", "cron_errors{} 0", "cron_flushed{} 5", "queue_depth{} 0"}},
		{"failed in part", 200, `{"success":true,"flushed":60,"batches":1,"failedBatches":1,"remaining":60,"durationMs":5}`,
			"{success:true,flushed:60,dropped:0,batches:1,failedBatches:1,remaining:60,durationMs:5}",
			[]string{"cron_drop_rate{} 0", "cron_dropped{} 0", "cron_errors{} 1", "cron_flushed{} 60", "queue_depth{} 60"}},
		{"failed", 200, `{"success":false,"flushed":0,"failedBatches":3,"remaining":60}`,
			"[Error(flushTaps: SHOWN: answered success: false with 3 failed batches. The Hub's log says why),200]", []string{"cron_errors{} 1"}},
		{"a wrong secret", 401, `{"error":"hush"}`,
			"[Error(flushTaps: SHOWN: answered 401 Unauthorized. Check CRON_SECRET),401]", []string{"cron_errors{} 1"}},
		{"a Hub that fails", 500, "", "[Error(flushTaps: SHOWN: answered 500 Internal Server Error. The server failed: its log says why),500]", []string{"cron_errors{} 1"}},
		{"another application", 200, `{"ok":true}`, "[Error(flushTaps: SHOWN: answered JSON without success, flushed and remaining. Is HUB_URL the Hub's origin?),200]", []string{"cron_errors{} 1"}},
		{"a page", 200, "<html>", "[Error(flushTaps: SHOWN: answered 200 with an HTML page instead of JSON (6 bytes). Is HUB_URL the right application's origin?),200]", []string{"cron_errors{} 1"}},
		{"counts that are none", 200, `{"success":true,"flushed":"many","remaining":0}`,
			"[Error(flushTaps: SHOWN: answered JSON in which flushed is \"many\" instead of a whole number from 0. Is this the version of the Hub that you expect?),200]", []string{"cron_errors{} 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked string
			link, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Authorization")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			s := newProcess(t, map[string]string{"HUB_URL": link + "/", "CRON_SECRET": "hush"}).Start(1)
			request := "GET " + shown + "/api/cron/flush-taps"
			vutest.Equal(t, "result", s.Show(caught), strings.Replace(c.want, "SHOWN", request, 1))
			vutest.Equal(t, "asked", asked, "GET /api/cron/flush-taps Bearer hush")
			own, requests := s.Drain()
			vutest.EqualLines(t, "emitted", own, c.emitted...)
			vutest.Equal(t, "requests", len(requests), 1)
		})
	}
}

func TestFlushTapsWithoutAHub(t *testing.T) {
	t.Parallel()
	gone := vutest.Refused()
	s := newProcess(t, map[string]string{"HUB_URL": gone, "CRON_SECRET": "hush"}).Start(1)
	got := s.Fails("sm.flushTaps()")
	vutest.Equal(t, "error", got, "flushTaps: GET "+gone+"/api/cron/flush-taps: no answer: dial tcp "+strings.TrimPrefix(gone, "http://")+
		": connect: connection refused. Is HUB_URL right, and can this machine reach it?")
	vutest.EqualLines(t, "emitted", s.Emitted(), "cron_errors{} 1")
}
