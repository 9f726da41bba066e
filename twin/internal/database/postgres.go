package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	deadlock  = "40P01" // PostgreSQL's SQLSTATE
	dropTries = 5       // each waits for the server's deadlock_timeout, a second
)

// postgres keeps times as Prisma does, in UTC without a zone.
var postgres = dialect{
	time: "TIMESTAMP(3)", now: "CURRENT_TIMESTAMP", ms: "interval '1 millisecond'",
	analyze:   `ANALYZE "Organization", "User", "Event", "EventWindow", "Band", "TapLog"`, // all tables would be other schemas' too
	countUses: updateTogether, numbers: true,
}

// openPostgres works in a schema of its own, so that it neither sees nor touches anybody's tables.
func openPostgres(ctx context.Context, address string) (*DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("DATABASE_URL is no PostgreSQL URL: give postgres://USER:PASSWORD@HOST:PORT/DATABASE") // err may quote the password
	}
	schema := "sparkmotion_twin_" + strings.ToLower(rand.Text()[:10])
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["timezone"] = "UTC"
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	if _, err := pool.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		_ = pool.Close()
		return nil, err
	}
	db := &DB{URL: within(address, schema), dialect: postgres, pool: pool, writing: noLock{}, remove: drop(pool, schema)}
	db.tally, db.seeded = sqlTally{db}, func() error { return nil }
	db.committed, db.changed, db.written = func([]TapRow) {}, func() {}, func() {}
	return db, nil
}

// within is address for a client such as psql, which then finds the schema's tables.
func within(address, schema string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "" // KEY=VALUE words
	}
	query := u.Query()
	query.Set("options", strings.TrimSpace(query.Get("options")+" -c search_path="+schema))
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // libpq reads no plus sign as a space
	return u.String()
}

// drop removes the schema. A statement that a request left behind may still hold a table of it: PostgreSQL then calls it a
// deadlock, ends one of the two, and wants the other tried again.
func drop(pool *sql.DB, schema string) func() error {
	return func() (err error) {
		for range dropTries {
			_, err = pool.Exec("DROP SCHEMA " + schema + " CASCADE")
			if said := (*pgconn.PgError)(nil); !errors.As(err, &said) || said.Code != deadlock {
				break
			}
		}
		return err
	}
}

// noLock is for a database that takes several writers.
type noLock struct{}

var _ sync.Locker = noLock{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// updateTogether updates all bands in one statement each.
func updateTogether(ctx context.Context, tx *sql.Tx, uses []use) error {
	const (
		given = ` FROM unnest($1::text[], $2::int[], $3::timestamp[]) AS given(band, taps, at) WHERE "Band"."id" = band`
		count = `UPDATE "Band" SET "tapCount" = "tapCount" + taps, "lastTapAt" = greatest("lastTapAt", at)` + given
		first = `UPDATE "Band" SET "firstTapAt" = at` + given + ` AND taps > 0 AND "firstTapAt" IS NULL`
	)
	var (
		bands         = make([]string, len(uses))
		taps          = make([]int32, len(uses))
		firsts, lasts = make([]time.Time, len(uses)), make([]time.Time, len(uses))
	)
	for i, u := range uses {
		bands[i], taps[i], firsts[i], lasts[i] = u.band, int32(u.taps), u.first.UTC(), u.last.UTC() // #nosec G115 -- a batch has 5,000
	}
	if _, err := tx.ExecContext(ctx, count, bands, taps, lasts); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, first, bands, taps, firsts)
	return err
}
