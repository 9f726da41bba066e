package event

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"
)

func TestTapJSON(t *testing.T) {
	at := time.Date(2026, 3, 1, 18, 0, 0, 7_000_000, time.UTC)
	for _, text := range []string{"Mozilla/5.0 (iPhone)", "", `"quoted" \ back`, "tab\tand \x01", "naïve ☂"} {
		tap := Tap{BandID: "LOADTEST-E1-000001", EventID: "e", Mode: "live", WindowID: text, RedirectURL: "https://a.b/?x=1&y=2",
			UserAgent: text, IPAddress: "::1", TappedAt: at}
		var got Tap
		entry := tap.AppendJSON(nil)
		if err := json.Unmarshal(entry, &got); err != nil || got != tap {
			t.Errorf("%q: %v, %+v in %s", text, err, got, entry)
		}
	}
}

func TestTapKeys(t *testing.T) {
	tap := Tap{BandID: "b", EventID: "e", Mode: "pre", RedirectURL: "u", TappedAt: time.UnixMilli(0)}
	const plain = `{"bandId":"b","eventId":"e","mode":"pre","redirectUrl":"u","tappedAt":"1970-01-01T00:00:00.000Z"}`
	if got := string(tap.AppendJSON(nil)); got != plain {
		t.Error(got)
	}
	tap.UTM = [5]string{"a", "", "c", "", "e"}
	whole := plain[:len(plain)-1] + `,"utmSource":"a","utmCampaign":"c","utmContent":"e"}`
	if got := string(tap.AppendJSON(nil)); got != whole {
		t.Error(got)
	}
}

func TestIDs(t *testing.T) {
	if got := All[2].BandID(200_000); got != "LOADTEST-E3-200000" {
		t.Error(got)
	}
	cuid := regexp.MustCompile(`^c[a-z0-9]{24}$`)
	now := time.Now()
	ids := []string{Org.ID, User.ID, NewID(now), NewID(now), NewID(now.Add(time.Millisecond))}
	for _, e := range All {
		ids = append(ids, e.ID)
		for _, w := range e.Windows {
			ids = append(ids, w.ID)
		}
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !cuid.MatchString(id) || seen[id] {
			t.Errorf("%q is no cuid of its own", id)
		}
		seen[id] = true
	}
	if ids[2] >= ids[4] {
		t.Error("IDs don't sort by age")
	}
}
