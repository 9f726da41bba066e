package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestTapJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 18, 0, 0, 7_000_000, time.UTC)
	for _, userAgent := range []string{"Mozilla/5.0 (iPhone)", "", `"quoted" \ back`, "tab\tand \x01", "naïve ☂", "bad \xff byte"} {
		tap := Tap{BandID: "LOADTEST-E1-000001", EventID: "e", Mode: "live", RedirectURL: "https://a.b/?x=1&y=2",
			UserAgent: userAgent, IPAddress: "::1", TappedAt: at}
		want, _ := json.Marshal(tap)
		var got, expected map[string]any
		text := tap.AppendJSON(nil)
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v in %s", userAgent, err, text)
		}
		json.Unmarshal(want, &expected)
		if expected["tappedAt"] = "2026-03-01T18:00:00.007Z"; !reflect.DeepEqual(got, expected) {
			t.Errorf("%q: got %v, want %v", userAgent, got, expected)
		}
	}
}

func TestBandID(t *testing.T) {
	if got := All[2].BandID(200_000); got != "LOADTEST-E3-200000" {
		t.Error(got)
	}
}
