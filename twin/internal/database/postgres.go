package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	deadlock  = "40P01" // PostgreSQL's SQLSTATE
	dropTries = 5       // each waits for the server's deadlock_timeout, a second
)

// openPostgres works in a schema of its own, so that it neither sees nor touches anybody's tables.
func openPostgres(ctx context.Context, url string) (*DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is no PostgreSQL URL: give postgres://USER:PASSWORD@HOST:PORT/DATABASE") // err may quote the password
	}
	schema := "sparkmotion_twin_" + strings.ToLower(rand.Text()[:10])
	config.RuntimeParams["search_path"] = schema
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	if _, err := pool.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		_ = pool.Close()
		return nil, err
	}
	return &DB{pool: pool, writing: noLock{}, numbers: true, remove: drop(pool, schema)}, nil
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
