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
	OrgSlug: "loadtest-org", Events: []string{"nashville", "dallas", "denver"}, Windows: []string{"w1", "w2", "w3"},
	Prefixes: []string{"LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-"}, Count: 3500,
	URL: "https://compassion.com/live?a=1&b=2", Mode: "live",
}

func files(b Bands) []File {
	var all []File
	for _, set := range b.Sets() {
		all = append(all, set.Files...)
	}
	return all
}

// contents writes the files whose names begin with prefix.
func contents(t *testing.T, b Bands, prefix string) map[string]string {
	t.Helper()
	written := make(map[string]string)
	for _, f := range files(b) {
		if !strings.HasPrefix(f.Name, prefix) {
			continue
		}
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		written[f.Name] = out.String()
	}
	return written
}

// Every band is put once and deleted once under each of its keys, in files of no more than Cloudflare takes, and leads where
// the Worker looks.
func TestBulkFiles(t *testing.T) {
	t.Parallel()
	files := contents(t, three, "kv-")
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
		if want := min(10_000, 21_000-(n-1)*10_000); len(pairs) != want || len(keys) != want {
			t.Errorf("file %d: %d pairs and %d keys, want %d", n, len(pairs), len(keys), want)
		}
		for i, pair := range pairs {
			put[pair.Key] = pair.Value
			deleted[keys[i]] = true
		}
	}
	if len(put) != 21_000 || len(deleted) != 21_000 || len(files) != 2*3 {
		t.Errorf("%d keys put, %d deleted, in %d files", len(put), len(deleted), len(files))
	}
	for n, event := range []string{"nashville", "dallas", "denver"} {
		want := fmt.Sprintf(`{"url":"https://compassion.com/live?a=1&b=2","eventId":"%s","mode":"live","windowId":"w%d"}`, event, n+1)
		for i := 1; i <= 3500; i++ {
			band := fmt.Sprintf("LOADTEST-E%d-%06d", n+1, i)
			for _, key := range []string{"loadtest-org:" + band, "evt:" + event + ":" + band} {
				if got := strings.ReplaceAll(put[key], `\u0026`, "&"); got != want || !deleted[key] {
					t.Fatalf("%s is %s, want %s; deleted: %t", key, got, want, deleted[key])
				}
			}
		}
	}
}

func TestNoWindows(t *testing.T) {
	t.Parallel()
	b := three
	b.Windows = nil
	if text := contents(t, b, "kv-put-001")["kv-put-001.json"]; strings.Count(text, `\"mode\":\"live\",\"windowId\":null}"}`) != bulk {
		t.Errorf("%.300s", text)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(contents(t, three, "bands")["bands.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 10_501 || rows[0][0] != "bandId" || rows[1][0] != "LOADTEST-E1-000001" || rows[10_500][0] != "LOADTEST-E3-003500" ||
		rows[3501][1] != "dallas" || rows[10_500][1] != "denver" {
		t.Errorf("%d rows, %v … %v", len(rows), rows[:2], rows[len(rows)-1])
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]string{
		166: "996 KV writes, 2 keys a band, and as many deletes afterwards.",
		200_000: "1,200,000 KV writes, 2 keys a band, and as many deletes afterwards. " +
			"Cloudflare's free plan allows 1,000 a day of each: this needs a paid one, or --count 166.",
	} {
		b := three
		b.Count = count
		if got := b.Writes(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := three.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Bands){
		"3 event IDs are needed (--events), one for each of LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-: got 1":                         func(b *Bands) { b.Events = b.Events[:1] },
		"3 window IDs are needed (--window-ids), one for each of LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-, or none: got 2":           func(b *Bands) { b.Windows = b.Windows[:2] },
		`an event's or a window's ID has letters, digits, - and _, as "Event"."id" has them: got ""`:                                 func(b *Bands) { b.Events = []string{"a", "", "c"} },
		`an event's or a window's ID has letters, digits, - and _, as "Event"."id" has them: got "*"`:                                func(b *Bands) { b.Events = []string{"*", "b", "c"} },
		`an event's or a window's ID has letters, digits, - and _, as "Event"."id" has them: got "c\n"`:                              func(b *Bands) { b.Windows = []string{"a", "b", "c\n"} },
		`the bands of each prefix need an event of their own (--events): got "a" twice`:                                              func(b *Bands) { b.Events = []string{"a", "b", "a"} },
		`the slug of the events' organization is needed (--org-slug), the first label of its host in lower case: got ""`:             func(b *Bands) { b.OrgSlug = "" },
		`the slug of the events' organization is needed (--org-slug), the first label of its host in lower case: got "a.b"`:          func(b *Bands) { b.OrgSlug = "a.b" },
		`a prefix must begin with LOADTEST-, which the clean-up looks for, and have only letters, digits, - and _: got "NASHVILLE-"`: func(b *Bands) { b.Prefixes = []string{"NASHVILLE-", "LOADTEST-", "LOADTEST-"} },
		`a prefix must begin with LOADTEST-, which the clean-up looks for, and have only letters, digits, - and _: got "LOADTEST-'"`: func(b *Bands) { b.Prefixes = []string{"LOADTEST-'", "LOADTEST-", "LOADTEST-"} },
		`the page must be an http or https URL with a host: got "compassion.com"`:                                                    func(b *Bands) { b.URL = "compassion.com" },
		`the page must be an http or https URL with a host: got "//compassion.com/live"`:                                             func(b *Bands) { b.URL = "//compassion.com/live" },
		"at most 10000000 bands of each event: got 9000000000000000000":                                                              func(b *Bands) { b.Count = 9e18 },
		"a pool of bands needs a count of 1 or more: got 0":                                                                          func(b *Bands) { b.Count = 0 },
	} {
		b := three
		change(&b)
		if err := b.Check(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
