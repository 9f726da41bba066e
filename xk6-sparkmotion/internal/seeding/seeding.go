// Package seeding writes what puts the load test's wristbands into a staging system, and takes them out again: bulk files for
// Cloudflare KV, SQL and CSV for the database, and a script for Redis. It writes files; sending them is for the tools that
// they are for.
package seeding

import (
	"bufio"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Prefix begins every band of a load test, and nothing else's: it is what the clean-up goes by.
const Prefix = "LOADTEST-"

// Prefixes are those of the seeded bands, an event each.
var Prefixes = []string{"LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-"}

// bulk is how many pairs or keys Cloudflare takes at once: https://developers.cloudflare.com/kv/api/write-key-value-pairs/
const bulk = 10_000

// keys is how many a band has in the KV: one of each link form.
const keys = 2

// free is how many writes a day, and how many deletes, Cloudflare's free plan allows:
// https://developers.cloudflare.com/kv/platform/pricing/
const free = 1000

// most is how many bands an event may have: fifty times the largest event's. More is a slip, and would fill the disk.
const most = 10_000_000

var (
	plain = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)                     // IDs that mean nothing else in SQL, a shell or Redis' patterns
	label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`) // of a host, as the Worker sees it
)

// Bands are what is to be written: Count bands of each event.
type Bands struct {
	OrgSlug  string   // of the organization that the events belong to
	Events   []string // their IDs, in the order of Prefixes
	Windows  []string // the IDs of the events' windows, in the same order; none for null
	Prefixes []string // of their bands
	Count    int
	URL      string // the page that a band leads to
	Mode     string // of the event
}

// Check says what is wrong with b, or nil.
func (b Bands) Check() error {
	if err := b.checkIDs(); err != nil {
		return err
	}
	if !label.MatchString(b.OrgSlug) {
		return fmt.Errorf("the slug of the events' organization is needed (--org-slug), the first label of its host in lower case: got %q", b.OrgSlug)
	}
	for _, prefix := range b.Prefixes {
		if !strings.HasPrefix(prefix, Prefix) || !plain.MatchString(prefix) {
			return fmt.Errorf("a prefix must begin with %s, which the clean-up looks for, and have only letters, digits, - and _: got %q", Prefix, prefix)
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

func (b Bands) checkIDs() error {
	each := strings.Join(b.Prefixes, ", ")
	if len(b.Events) != len(b.Prefixes) {
		return fmt.Errorf("%d event IDs are needed (--events), one for each of %s: got %d", len(b.Prefixes), each, len(b.Events))
	}
	if n := len(b.Windows); n != 0 && n != len(b.Prefixes) {
		return fmt.Errorf("%d window IDs are needed (--window-ids), one for each of %s, or none: got %d", len(b.Prefixes), each, n)
	}
	for i, id := range slices.Concat(b.Events, b.Windows) {
		if !plain.MatchString(id) {
			return fmt.Errorf("an event's or a window's ID has letters, digits, - and _, as \"Event\".\"id\" has them: got %q", id)
		}
		if i < len(b.Events) && slices.Contains(b.Events[:i], id) {
			return fmt.Errorf("the bands of each prefix need an event of their own (--events): got %q twice", id)
		}
	}
	return nil
}

// Writes says how much of Cloudflare's quota the seed takes.
func (b Bands) Writes() string {
	n := b.total() * keys
	text := fmt.Sprintf("%s KV writes, %d keys a band, and as many deletes afterwards.", number(n), keys)
	if n > free {
		text += fmt.Sprintf(" Cloudflare's free plan allows %s a day of each: this needs a paid one, or --count %d.", number(free), free/keys/len(b.Events))
	}
	return text
}

// File is one file to write.
type File struct {
	Name  string
	Write func(w io.Writer) error
}

// Set is the files that are used together: one, or as many as Cloudflare's limit of a bulk makes them.
type Set struct {
	Files []File
	Holds string // in words
}

// Names are the names of the first and the last file.
func (s Set) Names() string {
	first, last := s.Files[0].Name, s.Files[len(s.Files)-1].Name
	if first == last {
		return first
	}
	return first + " to " + last
}

// Has reports whether a file of the set has that name.
func (s Set) Has(name string) bool {
	return slices.ContainsFunc(s.Files, func(f File) bool { return f.Name == name })
}

// Sets are the files that seed the bands, and those that remove them.
func (b Bands) Sets() []Set {
	total := b.total() * keys
	from := fmt.Sprintf("%s to %s", b.key(0), b.key(total-1))
	one := func(name, holds string, write func(io.Writer) error) Set { return Set{[]File{{name, write}}, holds} }
	return []Set{
		{b.bulkFiles("kv-put", b.pair), number(total) + " keys to put, " + from},
		{b.bulkFiles("kv-delete", func(i int) any { return b.key(i) }), number(total) + " keys to delete, " + from},
		one("bands.csv", number(b.total())+" rows: bandId,eventId", b.writeCSV),
		one("seed.sql", "inserts these bands, for psql", b.writeSeed),
		one("clean-up.sql", "deletes all bands that begin with "+Prefix+", and their taps, for psql", writeCleanUp),
		one("clean-up-redis.sh", "deletes the events' counters, for redis-cli", b.writeCleanUpRedis),
	}
}

// bulkFiles are the bulk files of all keys.
func (b Bands) bulkFiles(name string, entry func(i int) any) []File {
	var files []File
	total := b.total() * keys
	for from := 0; from < total; from += bulk {
		files = append(files, File{
			Name:  fmt.Sprintf("%s-%03d.json", name, from/bulk+1),
			Write: func(w io.Writer) error { return writeBulk(w, from, min(from+bulk, total), entry) },
		})
	}
	return files
}

// number is a count with commas between thousands.
func number(n int) string { return units.Rate(float64(n)) }

func (b Bands) total() int { return len(b.Events) * b.Count }

// band is one by its place: all of the first event's, then all of the second's.
func (b Bands) band(i int) string {
	pool := bands.Pool{Prefixes: b.Prefixes[i/b.Count : i/b.Count+1], Count: b.Count}
	return string(pool.Append(nil, uint64(i%b.Count))) // #nosec G115 -- not below 0
}

// key is what the Worker looks a band up by, by its place: the first one of a band is for links of the organization's
// subdomain, the second for links that name the event.
func (b Bands) key(i int) string {
	band := i / keys
	if i%keys == 0 {
		return b.OrgSlug + ":" + b.band(band)
	}
	return "evt:" + b.Events[band/b.Count] + ":" + b.band(band)
}

// pair is an entry of a bulk write: the Worker's REDIRECT_MAP holds JSON as text.
func (b Bands) pair(i int) any {
	event := i / keys / b.Count
	var window any // null
	if len(b.Windows) > 0 {
		window = b.Windows[event]
	}
	value, _ := json.Marshal(struct { //nolint:errchkjson // strings always marshal
		URL      string `json:"url"`
		EventID  string `json:"eventId"`
		Mode     string `json:"mode"`
		WindowID any    `json:"windowId"`
	}{b.URL, b.Events[event], b.Mode, window})
	return struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}{b.key(i), string(value)}
}

// writeBulk writes a JSON array, an entry a line.
func writeBulk(w io.Writer, from, to int, entry func(i int) any) error {
	out := bufio.NewWriter(w)
	for i := from; i < to; i++ {
		separator := ",\n"
		if i == from {
			separator = "[\n"
		}
		text, err := json.Marshal(entry(i))
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
	out := csv.NewWriter(w)
	_ = out.Write([]string{"bandId", "eventId"}) // Error tells
	for i := range b.total() {
		_ = out.Write([]string{b.band(i), b.Events[i/b.Count]}) // Error tells
	}
	out.Flush()
	return out.Error()
}

// names are the tables and columns of both scripts: psql's variables, so that another schema needs no other script.
//
//go:embed names.sql
var names string

// seed takes the names, the events with their prefixes, the count and a number's digits. A band that is there already stays,
// and comes back if it was soft-deleted: its taps would be dropped. The database has no default for an ID.
const seed = `-- psql "$DATABASE_URL" -f seed.sql   puts the load test's bands into the database.
%s
BEGIN;
INSERT INTO :"bands" (:"id", :"band", :"event", :"updated")
  SELECT gen_random_uuid()::text, prefix || lpad(n::text, greatest(%[4]d, length(n::text)), '0'), event, timezone('UTC', now())
  FROM (VALUES %[2]s) AS events (prefix, event), generate_series(1, %[3]d) AS n
  ON CONFLICT (:"band", :"event") DO UPDATE SET :"deleted" = NULL, :"updated" = excluded.:"updated" WHERE :"bands".:"deleted" IS NOT NULL;
\echo bands put: :ROW_COUNT, the others were there already
COMMIT;
`

func (b Bands) writeSeed(w io.Writer) error {
	events := make([]string, len(b.Events))
	for i, event := range b.Events {
		events[i] = fmt.Sprintf("('%s', '%s')", b.Prefixes[i], event) // Check has found no quotes
	}
	_, err := fmt.Fprintf(w, seed, names, strings.Join(events, ", "), b.Count, bands.Digits)
	return err
}

// cleanUp takes the names and Prefix. Taps would go with their bands anyway, but nobody would say how many.
const cleanUp = `-- psql "$DATABASE_URL" -f clean-up.sql   deletes the load test's bands and their taps, and nothing else.
%s
BEGIN;
DELETE FROM :"taps" USING :"bands" WHERE :"taps".:"tap_band" = :"bands".:"id" AND :"bands".:"band" LIKE '%[2]s%%';
\echo taps deleted: :ROW_COUNT
DELETE FROM :"bands" WHERE :"band" LIKE '%[2]s%%';
\echo bands deleted: :ROW_COUNT, with those that the Hub assigned during tests
COMMIT;
`

func writeCleanUp(w io.Writer) error {
	_, err := fmt.Fprintf(w, cleanUp, names, Prefix)
	return err
}

// cleanUpRedis takes the events.
const cleanUpRedis = `# REDIS_URL=rediss://… sh clean-up-redis.sh   deletes the counters of the load test's events, and nothing else.
# tap-log:pending stays, as other events' taps may wait there: a flush empties it, and drops those whose bands are gone.
# monitoring:* stays: what the system received, flushed and dropped is its own account. band:* expires by itself.
set -efu
redis() { redis-cli -e --no-auth-warning -u "$REDIS_URL" "$@"; }
for event in %s; do
  counters=$(redis --scan --pattern "analytics:$event:*")
  deleted=0
  [ -z "$counters" ] || deleted=$(redis unlink $counters)
  echo "analytics:$event:* keys deleted: $deleted"
done
`

func (b Bands) writeCleanUpRedis(w io.Writer) error {
	_, err := fmt.Fprintf(w, cleanUpRedis, strings.Join(b.Events, " "))
	return err
}
