// Package queue reads the queue that taps wait in, by Upstash REST or by native Redis.
package queue

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

// Source is the address of the queue. RedisURL takes precedence over Upstash.
type Source struct {
	URL      string // UPSTASH_REDIS_REST_URL
	Token    string // UPSTASH_REDIS_REST_TOKEN
	RedisURL string // REDIS_URL
	Key      string // of the list
	Timeout  time.Duration
}

// Network is how to reach it: HTTP for Upstash, a dialer and its TLS settings for Redis.
type Network struct {
	HTTP   answer.Doer
	Dialer lib.DialContexter
	TLS    *tls.Config

	Answered *answer.Answered // hosts that have; may be nil
}

// Configured reports whether there is a queue to read.
func (s Source) Configured() bool { return s.RedisURL != "" || (s.URL != "" && s.Token != "") }

// Check refuses an incomplete configuration, which is a mistake and not a wish to skip the queue, and an invalid URL.
func (s Source) Check() error {
	if s.RedisURL == "" && (s.URL == "") != (s.Token == "") {
		return errors.New("UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together: one of them is missing")
	}
	if s.RedisURL == "" {
		return nil
	}
	_, err := s.redis()
	return err
}

// Reading is what the system itself says about its taps at one moment: its counters since it was set up, and how many
// wait in the queue.
type Reading struct {
	Received int64 // put on the queue
	Flushed  int64 // moved to the database
	Dropped  int64 // taken off the queue and thrown away
	Pending  int64 // in the queue
	Errors   map[string]int64
}

const (
	received = "monitoring:taps:received"
	flushed  = "monitoring:taps:flushed"
	dropped  = "monitoring:taps:dropped"
)

// errorKinds are those that the system counts.
var errorKinds = []string{
	"worker_log_failed", "worker_unhandled", "hub_db_fallback", "auto_assign_failed", "no_org_slug", "cron_batch_failed",
}

// counters are the keys of a reading, in the order in which they are asked for.
func counters() []string {
	keys := []string{received, flushed, dropped}
	for _, kind := range errorKinds {
		keys = append(keys, "monitoring:errors:"+kind)
	}
	return keys
}

// Read reads the queue's length and the system's counters, in one pipeline.
func (s Source) Read(ctx context.Context, network Network) (Reading, error) {
	if s.RedisURL != "" {
		return s.readByRedis(ctx, network)
	}
	mget := upstash.Command{"MGET"}
	for _, key := range counters() {
		mget = append(mget, key)
	}
	results, err := upstash.Client{Doer: network.HTTP, URL: s.URL, Token: s.Token}.Pipeline(ctx, []upstash.Command{{"LLEN", s.Key}, mget})
	if err != nil {
		return Reading{}, err
	}
	for _, result := range results {
		if result.Err != nil {
			return Reading{}, fmt.Errorf("%w. %s", result.Err, s.refused(result.Err.Message, "UPSTASH_REDIS_REST_TOKEN"))
		}
	}
	return s.reading(results[0].Value, results[1].Value, "UPSTASH_REDIS_REST_URL")
}

// reading makes sense of what LLEN and MGET gave. A counter that is not there has counted nothing yet.
func (s Source) reading(length, counts any, setting string) (Reading, error) {
	pending, ok := whole(length)
	if !ok || pending < 0 {
		return Reading{}, fmt.Errorf("LLEN %s answered %s instead of a whole number from 0. Is %s a Redis?", s.Key, shown(length), setting)
	}
	keys := counters()
	values, ok := counts.([]any)
	if !ok || len(values) != len(keys) {
		return Reading{}, fmt.Errorf("MGET of %d counters answered %s. Is %s a Redis?", len(keys), shown(counts), setting)
	}
	read := make([]int64, len(keys))
	for i, value := range values {
		if value == nil {
			continue
		}
		n, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
		if err != nil || n < 0 {
			return Reading{}, fmt.Errorf("%s holds %s, which is not a whole number from 0. Is this the system's Redis?", keys[i], shown(value))
		}
		read[i] = n
	}
	r := Reading{Received: read[0], Flushed: read[1], Dropped: read[2], Pending: pending, Errors: make(map[string]int64)}
	for i, kind := range errorKinds {
		if n := read[3+i]; n != 0 {
			r.Errors[kind] = n
		}
	}
	return r, nil
}

// whole is a whole number, which 7.0 is too.
func whole(value any) (int64, bool) {
	if f, ok := value.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), true
	}
	n, ok := value.(int64)
	return n, ok
}

// shown is a value as a message names it.
func shown(value any) string {
	said, err := json.Marshal(value)
	if err != nil {
		return "something that is not JSON"
	}
	return answer.Clip(string(said), 40)
}
