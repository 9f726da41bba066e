// Package store is the twin's Redis: the queue of taps and the analytics counters, in an embedded server that
// speaks the Redis protocol, or in a real one.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// ErrRemote is the answer to stopping a Redis that isn't the twin's.
var ErrRemote = errors.New("REDIS_URL names a server of its own: stop it there, or start the twin without REDIS_URL")

// Store is an open Redis.
type Store struct {
	*redis.Client
	URL string // redis://…, for any Redis client

	embedded *embedded // nil when REDIS_URL named another
}

// Open connects to the Redis at url, or starts an embedded one that listens on addr when url is "".
func Open(ctx context.Context, url, addr string) (*Store, error) {
	if url == "" {
		e, err := startEmbedded(addr)
		if err != nil {
			return nil, fmt.Errorf("start the embedded Redis: %w", err)
		}
		return &Store{Client: dial(&redis.Options{Addr: e.addr}), URL: "redis://" + e.addr, embedded: e}, nil
	}
	opt, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL is no Redis URL: give redis://HOST:PORT/DB or rediss://…") // err may quote the password
	}
	s := &Store{Client: dial(opt), URL: url}
	if err := s.claim(ctx); err != nil {
		_ = s.Client.Close()
		return nil, err
	}
	return s, nil
}

// dial makes a client that reports what happened: no retries (a repeated INCR counts twice), RESP2 as Upstash has.
func dial(opt *redis.Options) *redis.Client {
	opt.Protocol = 2
	opt.MaxRetries = -1
	opt.DialerRetries = 1
	opt.DisableIdentity = true
	logging.Disable() // who asked is told; no need to tell stderr too
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(opt)
}

// claim checks that a real Redis answers and holds nothing that the twin would flush, count on or delete as its own.
func (s *Store) claim(ctx context.Context) error {
	keys, err := s.keys(ctx)
	if err != nil {
		return fmt.Errorf("the Redis of REDIS_URL doesn't answer: %w", err)
	}
	if len(keys) > 0 {
		return fmt.Errorf("the Redis of REDIS_URL already holds %s, which isn't this twin's: delete it, or name an unused database (redis://HOST:PORT/1)", keys[0])
	}
	return nil
}

// keys are those of the twin's that exist: the queue, the counters, the Hub's cache and the locks of logins.
func (s *Store) keys(ctx context.Context) (keys []string, err error) {
	patterns := []string{Queue, "monitoring:*", "band:*", "lockout:*"}
	for _, e := range event.All {
		patterns = append(patterns, "analytics:"+e.ID+":*")
	}
	for _, pattern := range patterns {
		scan := s.Scan(ctx, 0, pattern, 1000).Iterator()
		for scan.Next(ctx) {
			keys = append(keys, scan.Val())
		}
		if err := scan.Err(); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Depth is the length of the queue; an embedded Redis knows it even when it's stopped.
func (s *Store) Depth(ctx context.Context) (int64, error) {
	if s.embedded != nil {
		return s.embedded.depth(), nil
	}
	return s.LLen(ctx, Queue).Result()
}

// Stop makes an embedded Redis refuse connections; its data stays.
func (s *Store) Stop() error {
	if s.embedded == nil {
		return ErrRemote
	}
	return s.embedded.stop()
}

// Start undoes Stop, on the same port.
func (s *Store) Start() error {
	if s.embedded == nil {
		return ErrRemote
	}
	return s.embedded.start()
}

// Crash makes an embedded Redis lose its connections and, having saved nothing, all that it held.
func (s *Store) Crash() error {
	if s.embedded == nil {
		return ErrRemote
	}
	if err := s.embedded.stop(); err != nil {
		return err
	}
	s.embedded.forgetAll()
	return s.embedded.start()
}

// Close ends the store. A real Redis keeps none of the twin's keys.
func (s *Store) Close() error {
	var err error
	if s.embedded == nil {
		err = s.sweep(context.Background())
	}
	err = errors.Join(err, s.Client.Close())
	if s.embedded != nil {
		s.embedded.close()
	}
	return err
}

// sweep deletes the twin's keys.
func (s *Store) sweep(ctx context.Context) error {
	keys, err := s.keys(ctx)
	if err != nil || len(keys) == 0 {
		return err
	}
	return s.Del(ctx, keys...).Err()
}
