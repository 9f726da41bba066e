// Package seeding writes what puts the load test's wristbands into a staging system, and takes them out again: bulk files for
// Cloudflare KV, and SQL and CSV for the database. It writes files; sending them is for the tools that they are for.
package seeding

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
)

// Prefix begins every band of a load test, and nothing else's: it is what the clean-up goes by.
const Prefix = "LOADTEST-"

// Prefixes are those of the seeded bands, an event each.
var Prefixes = []string{"LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-"}

// bulk is how many pairs or keys Cloudflare takes at once: https://developers.cloudflare.com/kv/api/write-key-value-pairs/
const bulk = 10_000

// most is how many bands an event may have: fifty times the largest event's. More is a slip, and would fill the disk.
const most = 10_000_000

// Bands are what is to be written: Count bands of each event.
type Bands struct {
	Events   []string // their IDs, in the order of Prefixes
	Prefixes []string // of their bands
	Count    int
	URL      string // the page that a band leads to
	Mode     string // of the event
}

// Check says what is wrong with b, or nil.
func (b Bands) Check() error {
	if len(b.Events) != len(b.Prefixes) {
		return fmt.Errorf("%d event IDs are needed (--events), one for each of %s: got %d", len(b.Prefixes), strings.Join(b.Prefixes, ", "), len(b.Events))
	}
	for i, prefix := range b.Prefixes {
		if !strings.HasPrefix(prefix, Prefix) {
			return fmt.Errorf("the prefix %q does not begin with %s, by which the clean-up goes", prefix, Prefix)
		}
		if id := b.Events[i]; id == "" || id != strings.TrimSpace(id) {
			return fmt.Errorf("the event ID of %s is empty, or has spaces around it: %q", prefix, id)
		}
	}
	if u, err := url.Parse(b.URL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fmt.Errorf("the page must be an http or https URL with a host: got %q", b.URL)
	}
	if b.Count > most {
		return fmt.Errorf("at most %d bands of each event: got %d", most, b.Count)
	}
	return bands.Pool{Prefixes: b.Prefixes, Count: b.Count}.Check()
}

// File is one file to write.
type File struct {
	Name  string
	Holds string // in words
	Write func(w io.Writer) error
}

// Files are those that seed the bands, and those that remove them.
func (b Bands) Files() []File {
	var files []File
	for _, kind := range []struct {
		name, verb string
		entry      func(event int, band []byte) any
	}{
		{"kv-put", "puts", b.pair},
		{"kv-delete", "deletes", func(_ int, band []byte) any { return string(band) }},
	} {
		total := len(b.Events) * b.Count
		for from := 0; from < total; from += bulk {
			to := min(from+bulk, total)
			files = append(files, File{
				Name:  fmt.Sprintf("%s-%03d.json", kind.name, from/bulk+1),
				Holds: fmt.Sprintf("%s %d keys, %s to %s", kind.verb, to-from, b.band(from), b.band(to-1)),
				Write: func(w io.Writer) error { return b.writeBulk(w, from, to, kind.entry) },
			})
		}
	}
	return append(files,
		File{"bands.csv", fmt.Sprintf("%d rows: bandId,eventId", len(b.Events)*b.Count), b.writeCSV},
		File{"seed.sql", "inserts these bands, for psql", b.writeSQL},
		File{"clean-up.sql", "deletes all bands and taps whose band begins with " + Prefix + ", for psql", writeCleanUp})
}

// band is one by its place: all of the first event's, then all of the second's.
func (b Bands) band(i int) []byte {
	pool := bands.Pool{Prefixes: b.Prefixes[i/b.Count : i/b.Count+1], Count: b.Count}
	return pool.Append(nil, uint64(i%b.Count)) // #nosec G115 -- not below 0
}

// pair is an entry of a bulk write: the Worker's REDIRECT_MAP holds JSON as text.
func (b Bands) pair(event int, band []byte) any {
	value, _ := json.Marshal(struct { // strings always marshal
		URL     string `json:"url"`
		EventID string `json:"eventId"`
		Mode    string `json:"mode"`
	}{b.URL, b.Events[event], b.Mode})
	return struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}{string(band), string(value)}
}

// writeBulk writes a JSON array, an entry a line.
func (b Bands) writeBulk(w io.Writer, from, to int, entry func(event int, band []byte) any) error {
	out := bufio.NewWriter(w)
	for i := from; i < to; i++ {
		separator := ",\n"
		if i == from {
			separator = "[\n"
		}
		text, err := json.Marshal(entry(i/b.Count, b.band(i)))
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator) // Flush tells
		_, _ = out.Write(text)            // Flush tells
	}
	_, _ = out.WriteString("\n]\n") // Flush tells
	return out.Flush()
}

func (b Bands) writeCSV(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "bandId,eventId")
	for i := range len(b.Events) * b.Count {
		fmt.Fprintf(out, "%s,%s\n", b.band(i), quoteCSV(b.Events[i/b.Count]))
	}
	return out.Flush()
}

func quoteCSV(field string) string {
	if strings.ContainsAny(field, "\",\r\n") {
		return `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
	}
	return field
}

// names are the tables and columns of both scripts: psql's variables, so that another schema needs no other script.
//
//go:embed names.sql
var names string

func (b Bands) writeSQL(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "-- psql \"$DATABASE_URL\" -f seed.sql   puts %d bands of each of %d events into the database.\n%s\nBEGIN;\n",
		b.Count, len(b.Events), names)
	for i, event := range b.Events {
		fmt.Fprintf(out, "INSERT INTO :\"bands\" (:\"band\", :\"event\")\n"+
			"  SELECT %s || lpad(n::text, greatest(%d, length(n::text)), '0'), %s FROM generate_series(1, %d) AS n ON CONFLICT DO NOTHING;\n",
			quoteSQL(b.Prefixes[i]), bands.Digits, quoteSQL(event), b.Count)
	}
	fmt.Fprintln(out, "COMMIT;")
	return out.Flush()
}

func writeCleanUp(w io.Writer) error {
	_, err := fmt.Fprintf(w, "-- psql \"$DATABASE_URL\" -f clean-up.sql   deletes the load test's bands and their taps, and nothing else.\n%s\nBEGIN;\n"+
		"DELETE FROM :\"taps\" WHERE :\"tap_band\" LIKE '%[2]s%%';\nDELETE FROM :\"bands\" WHERE :\"band\" LIKE '%[2]s%%';\nCOMMIT;\n", names, Prefix)
	return err
}

func quoteSQL(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
