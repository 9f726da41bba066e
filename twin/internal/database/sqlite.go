package database

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // driver "sqlite"
)

// sqlite keeps times as milliseconds since 1970.
var sqlite = dialect{
	time: "INTEGER", now: "(unixepoch('subsec') * 1000)", ms: "1",
	clustered: " WITHOUT ROWID", analyze: "PRAGMA analysis_limit = 400; ANALYZE", countUses: updateEach,
}

// Nothing here needs to outlive a power cut (synchronous).
const pragmas = "?_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=temp_store(MEMORY)&_pragma=mmap_size(2000000000)&_txlock=immediate"

const (
	// While it's seeded, the file has one connection, and nothing to take back.
	seeding = "&_pragma=journal_mode(OFF)&_pragma=cache_size(-64000)&_pragma=foreign_keys(OFF)"
	// Then readers don't wait for the writer (WAL).
	serving = "&_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(20000)&_pragma=cache_size(-32000)&_pragma=foreign_keys(ON)"
)

func openSQLite(context.Context, string) (*DB, error) {
	folder, err := os.MkdirTemp("", "sparkmotion-twin-")
	if err != nil {
		return nil, err
	}
	file := "file:" + filepath.Join(folder, "twin.db") + pragmas
	db := &DB{dialect: sqlite, writing: new(sync.Mutex)}
	c := &columns{db: db, known: make(map[string]Summary)}
	db.remove = func() error { return os.RemoveAll(folder) }
	db.tally, db.committed, db.changed, db.written = c, c.add, c.forget, c.written
	if db.pool, err = sql.Open("sqlite", file+seeding); err != nil {
		return nil, err
	}
	db.pool.SetMaxOpenConns(1)
	db.seeded = func() error {
		if err := db.pool.Close(); err != nil {
			return err
		}
		if db.pool, err = sql.Open("sqlite", file+serving); err != nil {
			return err
		}
		db.pool.SetMaxOpenConns(8)
		db.pool.SetMaxIdleConns(8)
		return c.load(context.Background())
	}
	return db, nil
}

// updateEach updates one band after the other: SQLite is in this process, so a statement is no round trip.
func updateEach(ctx context.Context, tx *sql.Tx, uses []use) error {
	const (
		count = `UPDATE "Band" SET "tapCount" = "tapCount" + ?, "lastTapAt" = max(coalesce("lastTapAt", 0), ?) WHERE "id" = ?`
		first = `UPDATE "Band" SET "firstTapAt" = ? WHERE "id" = ? AND "firstTapAt" IS NULL`
	)
	update := func(query string, args func(use) []any) error {
		statement, err := tx.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer statement.Close()
		for _, u := range uses {
			if _, err := statement.ExecContext(ctx, args(u)...); err != nil {
				return err
			}
		}
		return nil
	}
	if err := update(count, func(u use) []any { return []any{u.taps, u.last.UnixMilli(), u.band} }); err != nil {
		return err
	}
	return update(first, func(u use) []any { return []any{u.first.UnixMilli(), u.band} })
}
