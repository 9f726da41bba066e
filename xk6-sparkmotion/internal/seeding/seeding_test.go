package seeding

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

var three = Bands{
	Events: []string{"e'1", "e,2", `e"3`}, Prefixes: []string{"LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-"}, Count: 7000,
	URL: "https://compassion.com/live", Mode: "live",
}

// contents writes all files.
func contents(t *testing.T, b Bands) map[string]string {
	t.Helper()
	written := make(map[string]string)
	for _, f := range b.Files() {
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		written[f.Name] = out.String()
	}
	return written
}

// Every band is put once and deleted once, in files of no more than Cloudflare takes, and leads where the Worker looks.
func TestBulkFiles(t *testing.T) {
	t.Parallel()
	files := contents(t, three)
	put, deleted := make(map[string]string), make(map[string]bool)
	for n := 1; n <= 3; n++ {
		var pairs []struct{ Key, Value string }
		var keys []string
		if err := json.Unmarshal([]byte(files[fmt.Sprintf("kv-put-%03d.json", n)]), &pairs); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(files[fmt.Sprintf("kv-delete-%03d.json", n)]), &keys); err != nil {
			t.Fatal(err)
		}
		if want := map[int]int{1: bulk, 2: bulk, 3: 1000}[n]; len(pairs) != want || len(keys) != want {
			t.Errorf("file %d: %d pairs and %d keys, want %d", n, len(pairs), len(keys), want)
		}
		for i, pair := range pairs {
			put[pair.Key] = pair.Value
			deleted[keys[i]] = true
		}
	}
	if len(put) != 21_000 || len(deleted) != 21_000 {
		t.Errorf("%d bands put, %d deleted", len(put), len(deleted))
	}
	for band, value := range put {
		var got struct{ URL, EventID, Mode string }
		if err := json.Unmarshal([]byte(value), &got); err != nil {
			t.Fatal(err)
		}
		event := map[string]string{"E1": "e'1", "E2": "e,2", "E3": `e"3`}[band[9:11]]
		if !deleted[band] || !strings.HasPrefix(band, Prefix) || got.URL != three.URL || got.EventID != event || got.Mode != "live" {
			t.Fatalf("%s is %s", band, value)
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(contents(t, three)["bands.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 21_001 || rows[0][0] != "bandId" || rows[1][0] != "LOADTEST-E1-000001" || rows[21_000][0] != "LOADTEST-E3-007000" ||
		rows[7001][1] != "e,2" || rows[21_000][1] != `e"3` {
		t.Errorf("%d rows, %v … %v", len(rows), rows[:2], rows[len(rows)-1])
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := three.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Bands){
		"3 event IDs are needed (--events), one for each of LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-: got 1": func(b *Bands) { b.Events = b.Events[:1] },
		`the event ID of LOADTEST-E2- is empty, or has spaces around it: ""`:                                 func(b *Bands) { b.Events = []string{"a", "", "c"} },
		`the event ID of LOADTEST-E3- is empty, or has spaces around it: " c"`:                               func(b *Bands) { b.Events = []string{"a", "b", " c"} },
		`the prefix "NASHVILLE-" does not begin with LOADTEST-, by which the clean-up goes`:                  func(b *Bands) { b.Prefixes = []string{"NASHVILLE-", "LOADTEST-", "LOADTEST-"} },
		`the page must be an http or https URL with a host: got "compassion.com"`:                            func(b *Bands) { b.URL = "compassion.com" },
		`the page must be an http or https URL with a host: got "//compassion.com/live"`:                     func(b *Bands) { b.URL = "//compassion.com/live" },
		"at most 10000000 bands of each event: got 9000000000000000000":                                      func(b *Bands) { b.Count = 9e18 },
		"a pool of bands needs a count of 1 or more: got 0":                                                  func(b *Bands) { b.Count = 0 },
	} {
		b := three
		change(&b)
		if err := b.Check(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
