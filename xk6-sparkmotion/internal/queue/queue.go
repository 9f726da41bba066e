// Package queue reads the queue that taps wait in, by Upstash REST or by native Redis.
package queue

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

// Source is where the queue is. RedisURL wins over Upstash.
type Source struct {
	URL      string // UPSTASH_REDIS_REST_URL
	Token    string // UPSTASH_REDIS_REST_TOKEN
	RedisURL string // REDIS_URL
	Key      string // of the list
	Timeout  time.Duration
}

// Network is how to get there: by HTTP to Upstash, by a dialer and its TLS settings to Redis.
type Network struct {
	HTTP   answer.Doer
	Dialer lib.DialContexter
	TLS    *tls.Config

	Answered *answer.Answered // hosts that have; may be nil
}

// Configured reports whether there is a queue to read.
func (s Source) Configured() bool { return s.RedisURL != "" || (s.URL != "" && s.Token != "") }

// Check refuses half a configuration, which is a mistake and no wish to skip, and a URL that is none.
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

// Depth returns how many taps wait.
func (s Source) Depth(ctx context.Context, network Network) (int64, error) {
	if s.RedisURL != "" {
		return s.depthByRedis(ctx, network)
	}
	value, err := upstash.Client{Doer: network.HTTP, URL: s.URL, Token: s.Token}.Do(ctx, upstash.Command{"LLEN", s.Key})
	var refused *upstash.Error
	if errors.As(err, &refused) {
		err = fmt.Errorf("%w. %s", err, s.refused(refused.Message, "UPSTASH_REDIS_REST_TOKEN"))
	}
	if err != nil {
		return 0, err
	}
	switch n := value.(type) {
	case int64:
		return n, nil
	case float64: // as 7.0 is
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), nil
		}
	}
	said, err := json.Marshal(value)
	return 0, errors.Join(err, fmt.Errorf("LLEN %s answered %s instead of a whole number. Is UPSTASH_REDIS_REST_URL a Redis?",
		s.Key, answer.Words(string(said))))
}
