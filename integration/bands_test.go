package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBandsCommand writes a small seed, and shows a dry run of the whole one.
func TestBandsCommand(t *testing.T) {
	t.Parallel()
	r := runK6(t, nil, "x", "sparkmotion", "bands", "--events", "a,b,c", "--dry-run")
	r.wants(0, "bands/kv-put-060.json  puts 10000 keys, LOADTEST-E3-190001 to LOADTEST-E3-200000", "bands/kv-delete-060.json  deletes 10000 keys",
		"bands/clean-up.sql", "nothing was written")
	if _, err := os.Stat(filepath.Join(r.dir, "bands")); err == nil {
		t.Error("a dry run wrote a folder")
	}
	r = runK6(t, nil, "x", "sparkmotion", "bands", "--events", "a,b,c", "--count", "10")
	r.wants(0)
	r.has(t, "bands/kv-put-001.json", "bands/kv-delete-001.json", "bands/bands.csv", "bands/seed.sql", "bands/clean-up.sql")
	runK6(t, nil, "x", "sparkmotion", "bands").wants(255, "3 event IDs are needed")
}

// TestBandsInPostgres seeds a real database by seed.sql, as the CSV says, under names of its own too, and cleans up without
// touching what is not the load test's.
func TestBandsInPostgres(t *testing.T) {
	if realDatabase == "" {
		t.Skip("needs a real PostgreSQL: make test-services")
	}
	t.Parallel()
	r := runK6(t, nil, "x", "sparkmotion", "bands", "--events", "it's a,b,c", "--count", "20000")
	r.wants(0)
	psql := func(schema string, args ...string) string {
		t.Helper()
		cmd := exec.Command("psql", append([]string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", realDatabase}, args...)...)
		cmd.Dir = filepath.Join(r.dir, "bands")
		cmd.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+schema)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("psql %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for schema, names := range map[string]struct{ bands, band, event, taps, tapBand string }{
		"seeded":       {"bands", "bandId", "eventId", "taps", "bandId"},
		"seeded_other": {"Band", "id", "event_id", "Tap", "band_id"},
	} {
		t.Cleanup(func() { psql("public", "-c", "DROP SCHEMA "+schema+" CASCADE") })
		psql("public", "-c", "CREATE SCHEMA "+schema)
		psql(schema, "-c", `CREATE TABLE "`+names.bands+`" ("`+names.band+`" text PRIMARY KEY, "`+names.event+`" text NOT NULL);
			CREATE TABLE "`+names.taps+`" ("`+names.tapBand+`" text);
			CREATE TABLE wanted (band text, event text);
			INSERT INTO "`+names.bands+`" VALUES ('REAL-1', 'x'), ('LOADTESTER', 'x'), ('LOADTEST-E1-000001', 'already');
			INSERT INTO "`+names.taps+`" VALUES ('REAL-1'), ('LOADTEST-E2-000007')`)
		given := []string{
			"-v", "bands=" + names.bands, "-v", "band=" + names.band, "-v", "event=" + names.event,
			"-v", "taps=" + names.taps, "-v", "tap_band=" + names.tapBand,
		}
		if schema == "seeded" {
			given = nil // the names by default
		}
		psql(schema, append(given, "-f", "seed.sql")...)
		psql(schema, "-c", `\copy wanted FROM bands.csv WITH (FORMAT csv, HEADER)`)
		if got := psql(schema, "-c", `SELECT count(*), count(*) FILTER (WHERE event = "`+names.event+`") FROM wanted JOIN "`+
			names.bands+`" ON "`+names.band+`" = band`); got != "60000|59999" { // one was there before, and stays as it was
			t.Errorf("%s: %s bands are as the CSV has them", schema, got)
		}
		psql(schema, append(given, "-f", "clean-up.sql")...)
		if got := psql(schema, "-c", `SELECT string_agg("`+names.band+`", ' ' ORDER BY "`+names.band+`") FROM "`+names.bands+`"`); got != "LOADTESTER REAL-1" {
			t.Errorf("%s: left are the bands %s", schema, got)
		}
		if got := psql(schema, "-c", `SELECT string_agg("`+names.tapBand+`", ' ') FROM "`+names.taps+`"`); got != "REAL-1" {
			t.Errorf("%s: left are the taps of %s", schema, got)
		}
	}
}
