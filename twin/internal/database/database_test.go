package database

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
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
	db, err := Open(t.Context(), os.Getenv("TWIN_TEST_DATABASE_URL"), Seed{Bands: 100, History: history}, &gates.Database)
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

func tap(band string, mode string, at time.Time) event.Tap {
	return event.Tap{BandID: band, EventID: event.All[0].ID, Mode: mode, RedirectURL: "u", UserAgent: "a", IPAddress: "i", TappedAt: at}
}

func TestPage(t *testing.T) {
	db, _ := open(t, 0)
	for band, known := range map[string]bool{"LOADTEST-E1-000001": true, "LOADTEST-E3-000100": true,
		"LOADTEST-E3-000101": false, "LOADTEST-E1-000000": false, "' OR 1=1": false} {
		url, ok, err := db.Page(t.Context(), band)
		if ok != known || err != nil || known && url != event.All[0].URL {
			t.Errorf("%s: %q %v %v", band, url, ok, err)
		}
	}
}

func TestHistory(t *testing.T) {
	db, _ := open(t, 1000)
	n, err := db.Rows(t.Context())
	if n != 1000 || db.History() != 1000 || err != nil {
		t.Fatal(n, db.History(), err)
	}
	now := time.Now()
	k, err := db.KPIs(t.Context(), now.Add(-25*time.Hour), now)
	if err != nil || k.Taps != 1000 || k.DistinctBands != 75 || k.PeakTapsPerMinute < 5 || k.ByMode["live"] < 800 || k.ByMode["pre"] < 10 {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestAnalytics(t *testing.T) {
	db, _ := open(t, 0)
	at := time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)
	taps := []event.Tap{tap("a", "live", at), tap("a", "live", at.Add(59*time.Second)), tap("b", "pre", at.Add(61*time.Second)),
		tap("c", "live", at.Add(time.Hour))}
	if err := db.InsertTaps(t.Context(), taps); err != nil {
		t.Fatal(err)
	}
	k, err := db.KPIs(t.Context(), at, at.Add(time.Hour))
	want := &KPIs{Taps: 3, DistinctBands: 2, PeakTapsPerMinute: 2, ByMode: map[string]int64{"live": 2, "pre": 1}}
	if err != nil || !reflect.DeepEqual(k, want) {
		t.Errorf("KPIs %+v, %v", k, err)
	}
	lines, err := db.EventSummary(t.Context())
	text, _ := json.Marshal(lines)
	const summary = `[{"eventId":"loadtest-dallas","name":"Dallas","taps":0,"distinctBands":0,"firstTapAt":null,"lastTapAt":null},` +
		`{"eventId":"loadtest-denver","name":"Denver","taps":0,"distinctBands":0,"firstTapAt":null,"lastTapAt":null},` +
		`{"eventId":"loadtest-nashville","name":"Nashville","taps":4,"distinctBands":3,"firstTapAt":"2026-03-01T18:00:00.000Z","lastTapAt":"2026-03-01T19:00:00.000Z"}]`
	if err != nil || string(text) != summary {
		t.Errorf("summary %s, %v", text, err)
	}
	rows, err := db.ExportTaps(t.Context(), event.All[0].ID, at.Add(time.Second), at.Add(time.Hour))
	if err != nil || len(rows) != 2 || rows[0].BandID != "a" || rows[1].BandID != "b" || !rows[1].TappedAt.Equal(at.Add(61*time.Second)) {
		t.Errorf("export %+v, %v", rows, err)
	}
}

func TestInsertIsAllOrNothing(t *testing.T) {
	db, _ := open(t, 0)
	taps := make([]event.Tap, rowsPerInsert+1)
	for i := range taps {
		taps[i] = tap("a", "live", time.Now())
	}
	if err := db.InsertTaps(t.Context(), taps); err != nil {
		t.Fatal(err)
	}
	// The last rows break a rule when the first statement is long through.
	if _, err := db.pool.ExecContext(t.Context(), "CREATE UNIQUE INDEX once ON taps (band_id) WHERE band_id = 'twice'"); err != nil {
		t.Fatal(err)
	}
	more := append(slices.Clone(taps), tap("twice", "live", time.Now()), tap("twice", "live", time.Now()))
	if err := db.InsertTaps(t.Context(), more); err == nil {
		t.Fatal("a row went in twice")
	}
	if n, _ := db.Rows(t.Context()); n != int64(len(taps)) {
		t.Errorf("%d rows", n)
	}
}

func TestStopAndFaults(t *testing.T) {
	db, gates := open(t, 10)
	db.Stop()
	if err := db.InsertTaps(t.Context(), []event.Tap{tap("a", "live", time.Now())}); !errors.Is(err, ErrStopped) {
		t.Error("stopped:", err)
	}
	db.Start()
	gates.Replace(fault.Set{Database: fault.Fault{ErrorRate: 1}})
	if _, err := db.EventSummary(t.Context()); err == nil {
		t.Error("no error injected")
	}
	gates.Replace(fault.Set{})
	if _, err := db.EventSummary(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := db.Rows(t.Context()); n != 10 || err != nil {
		t.Error(n, err)
	}
}

// TestLeavesAsFound works beside somebody else's table of the same name, and drops its own schema alone.
func TestLeavesAsFound(t *testing.T) {
	url := os.Getenv("TWIN_TEST_DATABASE_URL")
	if url == "" {
		t.Skip("TWIN_TEST_DATABASE_URL isn't set: SQLite is a file of the twin's own")
	}
	other, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec("CREATE TABLE taps AS SELECT 42 AS answer"); err != nil {
		t.Fatal(err)
	}
	defer other.Exec("DROP TABLE taps")
	db, err := Open(t.Context(), url, Seed{Bands: 10}, &fault.Gate{})
	if err != nil {
		t.Fatal(err)
	}
	var schema string
	if err := db.pool.QueryRow("SELECT current_schema()").Scan(&schema); err != nil {
		t.Error(err)
	}
	if err := errors.Join(db.InsertTaps(t.Context(), []event.Tap{tap("a", "live", time.Now())}), db.Close()); err != nil {
		t.Error(err)
	}
	var answer, schemas int
	if err := other.QueryRow("SELECT max(answer) FROM taps").Scan(&answer); answer != 42 || err != nil {
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
