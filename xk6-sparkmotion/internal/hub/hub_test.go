package hub

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"success":true,"flushed":5,"dropped":2,"batches":1.5,"failedBatches":3,"remaining":7,"durationMs":12.7}`: "",
		`{"success":true,"flushed":5,"remaining":7}`:                                                               "",
		`{"success":true,"flushed":5,"remaining":7,"batches":null}`:                                                "",
		`{"success":true,"flushed":5,"remaining":null}`:                                                            "JSON without success, flushed and remaining",
		`{"success":true,"flushed":"5","remaining":7}`:                                                             `flushed is "5" instead of a whole number from 0`,
		`{"success":true,"flushed":-1,"remaining":7}`:                                                              "flushed is -1 instead of a whole number from 0",
		`{"success":true,"flushed":1e300,"remaining":7}`:                                                           "flushed is 1e300 instead of a whole number from 0",
		`{"success":"true","flushed":5,"remaining":7}`:                                                             `success is "true" instead of true or false`,
		`{"success":true,"flushed":5,"remaining":7,"dropped":[1]}`:                                                 "dropped is [1] instead of a whole number from 0",
		`{"success":true,"flushed":5,"remaining":7,"durationMs":{"ms":1},"batches":"1"}`:                           "",
		`{"success":true,"flushed":5,"remaining":7,"durationMs":"12","batches":[1]}`:                               "",
		`{"success":true,"flushed":5,"remaining":7,"durationMs":1e400,"batches":true}`:                             "",
		`{"success":true,"flushed":5,"remaining":7,"failedBatches":"0"}`:                                           `failedBatches is "0" instead of a whole number from 0`,
		`{"success":true,"flushed":5,"remaining":1e400}`:                                                           "remaining is 1e400 instead of a whole number from 0",
		`{"success":false,"flushed":0,"failedBatches":3,"remaining":7}`:                                            "success: false with 3 failed batches",
		`[]`: "JSON of an unexpected shape",
	} {
		_, err := read(&answer.Answer{Request: "GET x", Status: 200, Body: []byte(body)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// However an origin ends, its flush is at one place.
func TestFlushURL(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"https://hub.example", "https://hub.example/", "https://hub.example//"} {
		if got := FlushURL(origin); got != "https://hub.example/api/cron/flush-taps" {
			t.Errorf("%s: %s", origin, got)
		}
	}
}

// FuzzRead holds that counts are whole and not below 0, whatever a Hub answers.
func FuzzRead(f *testing.F) {
	f.Add(`{"success":true,"flushed":5,"dropped":2,"remaining":7,"durationMs":1e3}`)
	f.Fuzz(func(t *testing.T, body string) {
		flushed, err := read(&answer.Answer{Request: "GET x", Status: 200, Body: []byte(body)})
		if err != nil {
			return
		}
		if flushed.Flushed < 0 || flushed.Dropped < 0 || flushed.Remaining < 0 || math.IsNaN(flushed.DurationMs) || !json.Valid([]byte(body)) {
			t.Errorf("%s: %+v", body, flushed)
		}
	})
}
