package database

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
)

// open opens the PostgreSQL of TWIN_TEST_DATABASE_URL, or SQLite.
func open(t *testing.T, history int) (*DB, *fault.Gates) {
	t.Helper()
	gates := &fault.Gates{}
	seed := Seed{Bands: 100, History: history, Email: "a@b.cd", Role: "CUSTOMER"}
	db, err := Open(t.Context(), os.Getenv("TWIN_TEST_DATABASE_URL"), seed, &gates.Database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, gates
}

// tap is a tap of the first event's band number n, with that band's row.
func tap(t *testing.T, db *DB, n int, mode string, at time.Time) TapRow {
	t.Helper()
	e := event.All[0]
	band := e.BandID(n)
	rows, err := db.BandRows(t.Context(), []string{band})
	if err != nil || rows[band] == "" {
		t.Fatal(rows, err)
	}
	return TapRow{Band: rows[band], Tap: event.Tap{BandID: band, EventID: e.ID, Mode: mode, WindowID: e.Windows[1].ID, RedirectURL: "u", TappedAt: at}}
}

func TestBands(t *testing.T) {
	db, _ := open(t, 0)
	e := event.All[2]
	for band, known := range map[string]bool{"LOADTEST-E1-000001": true, "LOADTEST-E3-000100": true,
		"LOADTEST-E3-000101": false, "LOADTEST-E1-000000": false, "' OR 1=1": false} {
		b, n, err := db.BandOfOrg(t.Context(), band, event.Org.Slug)
		if (b != nil) != known || (n == 1) != known || err != nil {
			t.Errorf("%s: %+v %d %v", band, b, n, err)
		}
	}
	b, err := db.BandOfEvent(t.Context(), "LOADTEST-E3-000100", e.ID)
	if err != nil || b.EventID != e.ID || b.OrgSlug != "127" || b.Page != e.Windows[1].URL || b.Mode != "live" || b.WindowID != e.Windows[1].ID || b.Status != "ACTIVE" {
		t.Errorf("%+v %v", b, err)
	}
}

func TestHistory(t *testing.T) {
	db, _ := open(t, 1000)
	n, err := db.Rows(t.Context())
	if n != 1000 || db.History() != 1000 || err != nil {
		t.Fatal(n, db.History(), err)
	}
	now := time.Now()
	k, err := db.Totals(t.Context(), "", now.Add(-25*time.Hour), now)
	if err != nil || k.Taps != 1000 || k.Bands != 75 || k.Events != 3 || k.PeakMinute < 5 || k.Modes["live"] < 800 || k.Modes["pre"] < 10 || k.Attendees != 600_000 {
		t.Errorf("%+v, %v", k, err)
	}
	s, err := db.EventSummary(t.Context(), event.All[1].ID, Filter{})
	if err != nil || s.Bands != 100 || s.Taps != 333 || s.UniqueBands != 25 || s.RepeatBands != 25 {
		t.Errorf("%+v, %v", s, err)
	}
	f, err := db.EventSummary(t.Context(), event.All[1].ID, Filter{From: now.Add(-25 * time.Hour), WindowID: event.All[1].Windows[1].ID})
	if err != nil || f.Bands != 25 || f.Taps != 333 || f.UniqueBands != 25 || f.RepeatBands != 25 {
		t.Errorf("what bands and taps say differs: %+v, %v", f, err)
	}
}

func TestAnalytics(t *testing.T) {
	db, _ := open(t, 0)
	at := time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)
	taps := []TapRow{tap(t, db, 1, "live", at), tap(t, db, 1, "live", at.Add(59*time.Second)), tap(t, db, 2, "pre", at.Add(61*time.Second)),
		tap(t, db, 3, "live", at.Add(time.Hour))}
	if err := db.InsertTaps(t.Context(), taps); err != nil {
		t.Fatal(err)
	}
	k, err := db.Totals(t.Context(), event.All[0].ID, at, at.Add(time.Hour-1))
	want := &Totals{Taps: 3, Bands: 2, Events: 1, PeakMinute: 2, Modes: map[string]int64{"live": 2, "pre": 1}, Attendees: 200_000}
	if err != nil || fmt.Sprint(k) != fmt.Sprint(want) {
		t.Errorf("%+v, %v", k, err)
	}
	rows, err := db.ExportTaps(t.Context(), event.All[0].ID, at.Add(time.Second), at.Add(time.Hour-1))
	if err != nil || len(rows) != 2 || rows[0].BandID != event.All[0].BandID(2) || rows[1].TappedAt != "2026-03-01T18:00:59.000Z" || rows[0].UserAgent != nil {
		t.Errorf("export %+v, %v", rows, err)
	}
	var count int
	var first, last Time
	const band = `SELECT "tapCount", "firstTapAt", "lastTapAt" FROM "Band" WHERE "id" = ?`
	for range 2 {
		if ok, err := db.row(t.Context(), band, []any{taps[0].Band}, &count, &first, &last); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if !first.Equal(at) || !last.Equal(at.Add(59*time.Second)) {
			t.Errorf("%d from %v to %v", count, first, last)
		}
		if err := db.InsertTaps(t.Context(), []TapRow{tap(t, db, 1, "live", at.Add(time.Second))}); err != nil { // an older one comes late
			t.Fatal(err)
		}
	}
	if s, _ := db.EventSummary(t.Context(), event.All[0].ID, Filter{}); s.Taps != 5 || s.UniqueBands != 3 || s.RepeatBands != 1 || count != 3 {
		t.Errorf("%+v, %d", s, count) // taps of one band at one time count once
	}
	if _, err := db.DeleteBands(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if k, err := db.Totals(t.Context(), "", at, at.Add(time.Hour)); k.Taps != 0 || err != nil {
		t.Errorf("of deleted bands: %+v %v", k, err)
	}
}

func TestInsertIsAllOrNothing(t *testing.T) {
	db, _ := open(t, 0)
	taps := make([]TapRow, rowsPerStatement+1)
	for i := range taps {
		taps[i] = tap(t, db, 1, "live", time.Now())
	}
	if err := db.InsertTaps(t.Context(), taps); err != nil {
		t.Fatal(err)
	}
	taps[rowsPerStatement].EventID = "nowhere" // noticed when the first statement is long through
	if err := db.InsertTaps(t.Context(), taps); err == nil {
		t.Fatal("a tap of an event that isn't there went in")
	}
	if n, _ := db.Rows(t.Context()); n != int64(len(taps)) {
		t.Errorf("%d rows", n)
	}
}

func TestDeleteBands(t *testing.T) {
	db, _ := open(t, 0)
	for _, c := range []struct {
		share float64
		want  int64
	}{{1, 300}, {0, 0}} {
		if n, err := db.DeleteBands(t.Context(), c.share); n != c.want || err != nil {
			t.Errorf("%v: %d %v", c.share, n, err)
		}
	}
	if rows, err := db.BandRows(t.Context(), []string{"LOADTEST-E1-000001"}); len(rows) != 1 || err != nil {
		t.Error("not brought back:", rows, err)
	}
}

func TestUser(t *testing.T) {
	db, _ := open(t, 0)
	u, err := db.UserByEmail(t.Context(), "a@b.cd")
	if err != nil || u == nil || u.Role != "CUSTOMER" || *u.OrgID != event.Org.ID || u.ForcePasswordReset {
		t.Errorf("%+v %v", u, err)
	}
	if u, err := db.UserByEmail(t.Context(), "A@b.cd"); u != nil || err != nil {
		t.Errorf("%+v %v", u, err)
	}
}

func TestStopAndFaults(t *testing.T) {
	db, gates := open(t, 10)
	db.Stop()
	if _, err := db.Windows(t.Context(), "e"); !errors.Is(err, ErrStopped) {
		t.Error("stopped:", err)
	}
	db.Start()
	gates.Replace(fault.Set{Database: fault.Fault{ErrorRate: 1}})
	if _, err := db.Windows(t.Context(), "e"); err == nil {
		t.Error("no error injected")
	}
	gates.Replace(fault.Set{})
	if n, err := db.Rows(t.Context()); n != 10 || err != nil {
		t.Error(n, err)
	}
}

// TestLeavesAsFound works beside somebody else's table of the same name, and drops its own schema alone. Rows that are
// written as psql would, by the URL of the twin's tables, are its own.
func TestLeavesAsFound(t *testing.T) {
	address := os.Getenv("TWIN_TEST_DATABASE_URL")
	if address == "" {
		t.Skip("TWIN_TEST_DATABASE_URL isn't set: SQLite is a file of the twin's own")
	}
	other, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`CREATE TABLE "Band" AS SELECT 42 AS answer`); err != nil {
		t.Fatal(err)
	}
	defer other.Exec(`DROP TABLE "Band"`)
	db, err := Open(t.Context(), address, Seed{Bands: 10, Email: "a@b.cd", Role: "ADMIN"}, &fault.Gate{})
	if err != nil {
		t.Fatal(err)
	}
	seeded, err := sql.Open("pgx", db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer seeded.Close()
	const insert = `INSERT INTO "Band" ("id", "bandId", "eventId", "updatedAt") VALUES ('loadtest-x', 'LOADTEST-E1-000011', $1, now())`
	if _, err := seeded.Exec(insert, event.All[0].ID); err != nil {
		t.Error(err)
	}
	seeded.Close()
	if b, err := db.BandOfEvent(t.Context(), "LOADTEST-E1-000011", event.All[0].ID); b == nil || err != nil {
		t.Error("the seeded band isn't there:", err)
	}
	var schema string
	if err := db.pool.QueryRow("SELECT current_schema()").Scan(&schema); err != nil {
		t.Error(err)
	}
	if err := errors.Join(db.InsertTaps(t.Context(), []TapRow{tap(t, db, 1, "live", time.Now())}), db.Close()); err != nil {
		t.Error(err)
	}
	var answer, schemas int
	if err := other.QueryRow(`SELECT max(answer) FROM "Band"`).Scan(&answer); answer != 42 || err != nil {
		t.Errorf("somebody else's table: %d %v", answer, err)
	}
	const named = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = $1"
	if err := other.QueryRow(named, schema).Scan(&schemas); schemas != 0 || err != nil {
		t.Errorf("schema %q: %d %v", schema, schemas, err)
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	_, err := Open(t.Context(), "postgres://u:hunter2@[/x", Seed{}, &fault.Gate{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
