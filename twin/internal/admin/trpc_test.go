package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// ask calls procedures as a logged-in browser.
func (b *browser) ask(a bench, path, input string) (int, string) {
	b.t.Helper()
	resp, body := b.do("GET", a.url+"/api/trpc/"+path+"input="+url.QueryEscape(input), "")
	return resp.StatusCode, body
}

func TestProcedures(t *testing.T) {
	a := serve(t)
	now := time.Now()
	first, second, third := event.All[0].ID, event.All[1].ID, event.All[2].ID
	tap := store.Tap{EventID: first, Mode: "live", Band: "b", At: now, Entry: "x"}
	store.NewRecorder(a.Store).Record(t.Context(), []store.Tap{tap, tap})
	span := fmt.Sprintf(`"from":%q,"to":%q`, now.Add(-25*time.Hour).Format(time.RFC3339), now.Add(time.Hour).UTC().Format(event.ISO))
	past := fmt.Sprintf(`"from":%q,"to":%q`, now.Add(-25*time.Hour).Format(time.RFC3339), now.Add(-time.Second).UTC().Format(event.ISO))
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "the right one")
	for _, c := range []struct {
		path, input string
		status      int
		want        []string
	}{
		{"analytics.kpis?", `{"json":{` + past + `}}`, 200, []string{`{"result":{"data":{"json":{"totalTaps":300,"uniqueBands":6,"activeEvents":3,"tpm":0.2,"peakTpm":`, `"modeDistribution":{"LIVE":0,"POST":0,"PRE":0,"live":`}},
		{"analytics.kpis?", `{"json":{"eventId":"` + first + `",` + span + `}}`, 200, []string{`{"totalTaps":2,"uniqueBands":1,"activeEvents":1,"tpm":0,"peakTpm":0,"bandActivityPercent":0,"avgTapsPerBand":2,"postEventTaps":0,"modeDistribution":{"LIVE":2,"POST":0,"PRE":0}}`}},
		{"analytics.kpis?", `{"json":{"eventId":"` + second + `",` + past + `}}`, 200, []string{`{"totalTaps":100,"uniqueBands":2,"activeEvents":1,`}},
		{"analytics.eventSummary?", `{"json":{"eventId":"` + second + `"}}`, 200, []string{`{"result":{"data":{"json":{"bandCount":10,"tapCount":100,"uniqueBands":2,"repeatBands":2,"engagementPercent":0,"estimatedAttendees":200000}}}}`}},
		{"analytics.eventSummary?", `{"json":{"eventId":"` + second + `","from":"2020-01-01T00:00:00Z"}}`, 200, []string{`{"bandCount":2,"tapCount":100,"uniqueBands":2,"repeatBands":2,`}},
		{"analytics.eventSummary?", `{"json":{"eventId":"nowhere"}}`, 200, []string{`{"bandCount":0,"tapCount":0,"uniqueBands":0,"repeatBands":0,"engagementPercent":0,"estimatedAttendees":null}`}},
		{"analytics.exportTaps?", `{"json":{"eventId":"` + third + `",` + span + `}}`, 200, []string{`{"result":{"data":{"json":[{"bandId":"LOADTEST-E3-00000`, `"eventName":"LT Event Denver","eventCity":"Denver","eventState":"CO","tappedAt":"20`, `,"modeServed":"`, `,"redirectUrl":"`, `,"ipAddress":"10.0.`, `,"userAgent":"Mozilla`}},
		{"analytics.velocityHistory?", `{"json":{"eventId":"` + first + `"}}`, 200, []string{`{"result":{"data":{"json":[{"bucket":`, `"count":0}`, `"count":2}`}},
		{"analytics.tapsByHour?", `{"json":{"eventId":"` + first + `","hours":2}}`, 200, []string{`"count":0},{"hour":"` + now.UTC().Format("2006-01-02T15") + `","count":2}]}}}`}},
		{"windows.list?", `{"json":{"eventId":"` + first + `"}}`, 200, []string{`"windowType":"LIVE"`, `"startTime":null`, `"meta":{"v":1,"values":{"0.createdAt":["Date"],`}},

		{"analytics.kpis?", `{"json":{"from":"yesterday"}}`, 400, []string{`{"error":{"json":{"code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400,"path":"analytics.kpis"}`, `"message":"[\n  {\n    \"code\": \"invalid_string\",\n    \"validation\": \"datetime\",\n    \"message\": \"Invalid datetime\",\n    \"path\": [\n      \"from\"\n    ]\n  },\n  {\n    \"code\": \"invalid_type\",\n    \"expected\": \"string\",\n    \"received\": \"undefined\",\n    \"path\": [\n      \"to\"\n    ],\n    \"message\": \"Required\"\n  }\n]"`}},
		{"analytics.kpis?", `{"json":{` + span + `},"meta":{"values":{"from":["Date"]}}}`, 400, []string{`Expected string, received date`}},
		{"analytics.kpis?", `{"json":{` + span + `,"eventId":null}}`, 400, []string{`Expected string, received null`}},
		{"analytics.kpis?", `{"json":{` + span + `,"eventId":null},"meta":{"values":{"eventId":["undefined"]}}}`, 200, nil},
		{"analytics.kpis?", `{` + span + `}`, 400, []string{`\"expected\": \"object\",\n    \"received\": \"undefined\",\n    \"path\": [],\n    \"message\": \"Required\"`}},
		{"analytics.kpis?", `{"json":[]}`, 400, []string{`Expected object, received array`}},
		{"analytics.kpis?", `null`, 500, []string{`"code":-32603`, `as it is null`}},
		{"analytics.kpis?", `{`, 400, []string{`"code":-32700,"data":{"code":"PARSE_ERROR","httpStatus":400}`}},
		{"analytics.eventSummary?", `{"json":{}}`, 400, []string{`\"eventId\"`, `Required`}},
		{"analytics.velocityHistory?", `{"json":{"eventId":7}}`, 400, []string{`Expected string, received number`}},
		{"analytics.tapsByHour?", `{"json":{"eventId":"e","hours":0.5}}`, 400, []string{`\"code\": \"too_small\",\n    \"minimum\": 1,\n    \"type\": \"number\",\n    \"inclusive\": true,\n    \"exact\": false,\n    \"message\": \"Number must be greater than or equal to 1\",\n    \"path\"`}},
		{"analytics.tapsByHour?", `{"json":{"eventId":"e","hours":169}}`, 400, []string{`Number must be less than or equal to 168`}},
		{"analytics.tapsByHour?", `{"json":{"eventId":"nowhere"}}`, 200, []string{`"count":0}]}}}`}},
		{"analytics.nothing?", `{"json":{}}`, 404, []string{`No \"query\"-procedure on path \"analytics.nothing\"`, `"code":"NOT_FOUND","httpStatus":404`}},
		{"windows.toggle?", `{"json":{}}`, 404, []string{`No \"query\"-procedure on path \"windows.toggle\"`}},

		{"analytics.velocityHistory,analytics.velocityHistory?batch=1&", `{"0":{"json":{"eventId":"x"}},"1":{"json":{"eventId":"x"}}}`, 200, []string{`[{"result":`, `},{"result":`}},
		{"analytics.velocityHistory,analytics.velocityHistory?batch=1&", `{"0":{"json":{"eventId":"x"}}}`, 207, []string{`[{"result":`, `},{"error":`}},
		{"analytics.kpis,analytics.velocityHistory?batch=1&", `{}`, 400, []string{`[{"error":`}},
		{"analytics.kpis,nope?batch=1&", `{}`, 207, []string{`"BAD_REQUEST"`, `"NOT_FOUND"`}},
		{"analytics.kpis?batch=1&", `[]`, 400, []string{`{"error":`, `needs to be an object`}},
	} {
		status, body := b.ask(a, c.path, c.input)
		if status != c.status {
			t.Errorf("%s %s: %d %.300s", c.path, c.input, status, body)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s %s: no %s in %.900s", c.path, c.input, want, body)
			}
		}
	}
	if n := a.Stats().Queries["analytics.eventSummary"]; n != 3 {
		t.Errorf("%d counted", n)
	}
}

func TestMethods(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "the right one")
	for method, want := range map[string]string{"POST": `404 {"error"`, "PUT": `405 {"error"`, "HEAD": "204 "} {
		resp, body := b.do(method, a.url+"/api/trpc/analytics.kpis", "")
		if got := fmt.Sprint(resp.StatusCode, " ", body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", method, got)
		}
	}
}

func TestWithoutASession(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	for path, want := range map[string]int{"analytics.kpis?": 401, "analytics.nothing?": 404} {
		if status, body := b.ask(a, path, `{"json":{}}`); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if n := a.Stats().Unauthorized; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// TestToggle changes the page that bands lead to, in the database and the KV, and deletes what Redis had of the event.
func TestToggle(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "the right one")
	e := event.All[0]
	a.Store.Set(t.Context(), "band:127:x", "1", 0)
	a.Store.Incr(t.Context(), store.TotalKey(e.ID))
	toggle := func(id string) (int, string) {
		body := fmt.Sprintf(`{"json":{"id":%q,"isActive":true}}`, id)
		req, _ := http.NewRequest("POST", a.url+"/api/trpc/windows.toggle", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		for name, value := range b.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := b.transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text := make([]byte, 2000)
		n, _ := resp.Body.Read(text)
		return resp.StatusCode, string(text[:n])
	}
	if status, body := toggle(e.Windows[2].ID); status != 200 || !strings.Contains(body, `"isActive":true`) || !strings.Contains(body, `"updatedAt":["Date"]`) {
		t.Error(status, body)
	}
	a.following.Wait()
	for _, key := range []string{"127:" + e.BandID(3), "evt:" + e.ID + ":" + e.BandID(3)} {
		if v := a.KV.Get([]byte(key)); v == nil || v.URL != e.Windows[2].URL || v.Mode != "post" || v.Window() != e.Windows[2].ID {
			t.Errorf("%s: %+v", key, v)
		}
	}
	if n := a.Store.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("Redis holds %d keys", n)
	}
	windows, _ := a.Database.Windows(t.Context(), e.ID)
	active := 0
	for _, w := range windows {
		if w.IsActive {
			active++
		}
	}
	if active != 1 {
		t.Errorf("%d active windows", active)
	}
	if status, _ := toggle("nowhere"); status != 500 {
		t.Errorf("an unknown window: %d", status)
	}
	var none *kv.Value
	if v := a.KV.Get([]byte("127:" + event.All[1].BandID(1))); v != none {
		t.Error("another event was written")
	}
}
