package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// writeBands writes a seed, and returns its folder.
func writeBands(t *testing.T, args ...string) string {
	t.Helper()
	r := runK6(t, nil, append([]string{"x", "sparkmotion", "bands", "--org-slug", "org"}, args...)...)
	r.wants(0)
	return filepath.Join(r.dir, "bands")
}

// TestBandsCommand writes a small seed, and shows a dry run of the whole one.
func TestBandsCommand(t *testing.T) {
	t.Parallel()
	r := runK6(t, nil, "x", "sparkmotion", "bands", "--org-slug", "org", "--events", "a,b,c", "--window-ids", "u,v,w", "--dry-run")
	r.wants(0, "bands/kv-put-001.json to kv-put-120.json  1,200,000 keys to put, org:LOADTEST-E1-000001 to evt:c:LOADTEST-E3-200000\n",
		"bands/kv-delete-001.json to kv-delete-120.json  1,200,000 keys to delete", "bands/bands.csv  600,000 rows",
		"bands/clean-up.sql", "nothing was written", "1,200,000 KV writes", "free plan allows 1,000 a day")
	if _, err := os.Stat(filepath.Join(r.dir, "bands")); err == nil {
		t.Error("a dry run wrote a folder")
	}
	r = runK6(t, nil, "x", "sparkmotion", "bands", "--org-slug", "org", "--events", "a,b,c", "--window-ids", "u,v,w", "--count", "10")
	r.wants(0, "bands/kv-put-001.json  60 keys to put", "60 KV writes")
	r.has(t, "bands/kv-put-001.json", "bands/kv-delete-001.json", "bands/bands.csv", "bands/seed.sql", "bands/clean-up.sql", "bands/clean-up-redis.sh")
	if text := read(t, filepath.Join(r.dir, "bands/kv-put-001.json")); strings.Count(text, `\"windowId\":\"w\"`) != 20 {
		t.Errorf("kv-put-001.json: %s", text)
	}
	runK6(t, nil, "x", "sparkmotion", "bands").wants(255, "3 event IDs are needed")
	runK6(t, nil, "x", "sparkmotion", "bands", "--events", "a,b,c").wants(255, "the slug of the events' organization is needed (--org-slug)")
}

// realTables are the parts of SparkMotion's schema that seeding meets; what others have there is not the load test's.
const realTables = `
	CREATE TABLE "Event" ("id" text PRIMARY KEY);
	CREATE TABLE "Band" (
		"id" text PRIMARY KEY, "bandId" text NOT NULL, "eventId" text NOT NULL REFERENCES "Event" ON DELETE CASCADE,
		"autoAssigned" boolean NOT NULL DEFAULT false, "tapCount" integer NOT NULL DEFAULT 0, "deletedAt" timestamp(3),
		"createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamp(3) NOT NULL, UNIQUE ("bandId", "eventId"));
	CREATE TABLE "TapLog" (
		"id" text PRIMARY KEY, "bandId" text NOT NULL REFERENCES "Band" ON DELETE CASCADE, "eventId" text NOT NULL REFERENCES "Event",
		"windowId" text, "tappedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "modeServed" text NOT NULL,
		"redirectUrl" text NOT NULL, "userAgent" text, "ipAddress" text);
	CREATE INDEX ON "TapLog" ("bandId");
	INSERT INTO "Event" VALUES ('a'), ('b'), ('c'), ('real');
	INSERT INTO "Band" ("id", "bandId", "eventId", "updatedAt") VALUES
		('1', 'REAL-1', 'real', '2020-01-01'), ('2', 'LOADTESTER', 'a', '2020-01-01'), ('3', 'XLOADTEST-E1-000001', 'a', '2020-01-01'),
		('4', 'LOADTEST-E1-000001', 'a', '2020-01-01');
	INSERT INTO "Band" ("id", "bandId", "eventId", "updatedAt", "deletedAt") VALUES
		('5', 'LOADTEST-E2-000001', 'b', '2020-01-01', '2020-01-01'), ('6', 'REAL-2', 'a', '2020-01-01', '2020-01-01');
	INSERT INTO "TapLog" ("id", "bandId", "eventId", "modeServed", "redirectUrl") VALUES
		('1', '1', 'real', 'live', 'https://compassion.com'), ('2', '2', 'a', 'live', 'https://compassion.com');`

// afterTest adds what a run leaves: three taps of each of the first event's bands, and bands that the Hub assigned, to an event
// that the test doesn't know too, with a tap.
const afterTest = `
	INSERT INTO "TapLog" ("id", "bandId", "eventId", "modeServed", "redirectUrl")
		SELECT gen_random_uuid(), "id", "eventId", 'live', 'https://compassion.com' FROM "Band", generate_series(1, 3) WHERE "bandId" LIKE 'LOADTEST-E1-%';
	INSERT INTO "Band" ("id", "bandId", "eventId", "updatedAt", "autoAssigned") VALUES
		('7', 'LOADTEST-E1-999999', 'a', now(), true), ('8', 'LOADTEST-E3-000001', 'real', now(), true);
	INSERT INTO "TapLog" ("id", "bandId", "eventId", "modeServed", "redirectUrl") VALUES ('3', '8', 'real', 'live', 'https://compassion.com');`

// others is all that is not the load test's, row by row.
const others = `SELECT b::text FROM "Band" b WHERE "bandId" NOT LIKE 'LOADTEST-%' UNION ALL
	SELECT t::text FROM "TapLog" t JOIN "Band" b ON b."id" = t."bandId" WHERE b."bandId" NOT LIKE 'LOADTEST-%' ORDER BY 1`

// database is a schema of a test's own in the real PostgreSQL, and psql in the folder of a seed.
type database struct{ schema, folder string }

func newDatabase(t *testing.T, schema, folder, tables string) database {
	t.Helper()
	if realDatabase == "" {
		t.Skip("needs a real PostgreSQL: make test-services")
	}
	admin := database{"public", folder}
	admin.psql(t, "-c", "CREATE SCHEMA "+schema)
	t.Cleanup(func() { admin.psql(t, "-c", "DROP SCHEMA "+schema+" CASCADE") })
	d := database{schema, folder}
	d.psql(t, "-c", tables)
	return d
}

func (d database) try(args ...string) (string, error) {
	cmd := exec.Command("psql", append([]string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", realDatabase}, args...)...)
	cmd.Dir = d.folder
	cmd.Env = append(os.Environ(), "PGOPTIONS=-c client_min_messages=warning -c TimeZone=America/Denver -c search_path="+d.schema)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (d database) psql(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.try(args...)
	if err != nil {
		t.Fatalf("psql %v: %v\n%s", args, err, out)
	}
	return out
}

// wants runs psql, and compares what it says.
func (d database) wants(t *testing.T, want string, args ...string) {
	t.Helper()
	if got := d.psql(t, args...); got != want {
		t.Errorf("psql %v says\n%s, want\n%s", args, got, want)
	}
}

// TestBandsInPostgres seeds a real database with SparkMotion's tables, as the CSV says, twice, and takes out what is the load
// test's and nothing else.
func TestBandsInPostgres(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "seeded", writeBands(t, "--events", "a,b,c", "--count", "20000"), realTables)
	before := d.psql(t, "-c", others)

	d.wants(t, "bands put: 59999, the others were there already", "-f", "seed.sql") // one was there, one was soft-deleted
	d.wants(t, "bands put: 0, the others were there already", "-f", "seed.sql")
	d.psql(t, "-c", `CREATE TABLE wanted (band text, event text)`)
	d.psql(t, "-c", `\copy wanted FROM bands.csv WITH (FORMAT csv, HEADER)`)
	d.wants(t, "60000|60000", "-c", `SELECT (SELECT count(*) FROM "Band" WHERE "bandId" LIKE 'LOADTEST-%'), count(*)
		FROM wanted JOIN "Band" ON ("bandId", "eventId") = (band, event) WHERE "deletedAt" IS NULL`)
	d.wants(t, "59999", "-c", `SELECT count(*) FROM "Band" WHERE abs(extract(epoch FROM timezone('UTC', now()) - "updatedAt")) < 600`)
	d.wants(t, before, "-c", others)

	d.psql(t, "-c", afterTest)
	const assigned = ", with those that the Hub assigned during tests"
	d.wants(t, "taps deleted: 60001\nbands deleted: 60002"+assigned, "-f", "clean-up.sql")
	d.wants(t, "taps deleted: 0\nbands deleted: 0"+assigned, "-f", "clean-up.sql")
	d.wants(t, "4|2|4", "-c", `SELECT (SELECT count(*) FROM "Band"), (SELECT count(*) FROM "TapLog"), (SELECT count(*) FROM "Event")`)
	d.wants(t, before, "-c", others)
}

// TestBandsOfUnknownEvents: the database refuses them, and is left as it was.
func TestBandsOfUnknownEvents(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "seeded_unknown", writeBands(t, "--events", "a,b,unknown", "--count", "10"), realTables)
	if out, err := d.try("-f", "seed.sql"); err == nil || !strings.Contains(out, `Key (eventId)=(unknown) is not present in table "Event"`) {
		t.Errorf("%v, %s", err, out)
	}
	d.wants(t, "6", "-c", `SELECT count(*) FROM "Band"`)
}

// TestBandsUnderOtherNames seeds and cleans up tables of another schema.
func TestBandsUnderOtherNames(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "seeded_other", writeBands(t, "--events", "a,b,c", "--count", "10"), `
		CREATE TABLE wristbands (key text PRIMARY KEY, "No." text, event_id text, changed timestamp, gone timestamp, UNIQUE ("No.", event_id));
		CREATE TABLE taps (wristband text);
		INSERT INTO wristbands VALUES ('1', 'REAL-1', 'a'), ('2', 'LOADTEST-E2-000007', 'b');
		INSERT INTO taps VALUES ('1'), ('2')`)
	var given []string
	for _, name := range []string{
		"bands=wristbands", "id=key", "band=No.", "event=event_id", "updated=changed", "deleted=gone", "taps=taps", "tap_band=wristband",
	} {
		given = append(given, "-v", name)
	}
	d.wants(t, "bands put: 29, the others were there already", append(given, "-f", "seed.sql")...)
	d.wants(t, "taps deleted: 1\nbands deleted: 30, with those that the Hub assigned during tests", append(given, "-f", "clean-up.sql")...)
	d.wants(t, "REAL-1|1", "-c", `SELECT "No.", (SELECT string_agg(wristband, ' ') FROM taps) FROM wristbands`)
}

// TestBandsInRedis deletes the counters of the load test's events from a real Redis, and nothing else.
func TestBandsInRedis(t *testing.T) {
	if realRedis == "" {
		t.Skip("needs a real Redis: make test-services")
	}
	t.Parallel()
	folder := writeBands(t, "--events", "a,b,c", "--count", "10")
	address := redisDatabase(t)
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	client, ctx := redis.NewClient(options), context.Background()
	defer client.Close()
	defer client.FlushDB(ctx) // redisDatabase looks

	kept := strings.Fields(`analytics:A:taps:total analytics:aa:taps:total analytics:real:taps:total band:org:LOADTEST-E1-000001
		monitoring:errors:event:a monitoring:taps:received tap-log:pending`)
	for _, key := range append(strings.Fields(`analytics:a:taps:total analytics:a:taps:unique analytics:a:taps:hourly:2026-06-01T19
		analytics:a:mode:live analytics:a:velocity:178000000 analytics:c:taps:total`), kept...) {
		if err := client.Set(ctx, key, 1, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	cleanUp := func(address string) (string, error) {
		cmd := exec.Command("sh", "clean-up-redis.sh")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "REDIS_URL="+address)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, counts := range [][3]string{{"5", "0", "1"}, {"0", "0", "0"}} {
		var want string
		for i, event := range []string{"a", "b", "c"} {
			want += "analytics:" + event + ":* keys deleted: " + counts[i] + "\n"
		}
		if out, err := cleanUp(address); err != nil || out != want {
			t.Errorf("%v, %s, want\n%s", err, out, want)
		}
		left, err := client.Keys(ctx, "*").Result()
		if slices.Sort(left); err != nil || !slices.Equal(left, kept) {
			t.Errorf("left are %v, want %v; %v", left, kept, err)
		}
	}
	wrong := strings.Replace(address, options.Password, "wrong", 1)
	if out, err := cleanUp(wrong); err == nil || strings.Contains(out, "deleted") || strings.Contains(out, options.Password) {
		t.Errorf("with a wrong password: %v, %s", err, out)
	}
}
