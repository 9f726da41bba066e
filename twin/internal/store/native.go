package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// commandTime is how long a command of the Hub's and the Admin app's waits for Redis to come back.
const commandTime = 5 * time.Second

// ErrTimeout is a command that Redis hasn't answered in time.
var ErrTimeout = errors.New("Command timed out") //nolint:staticcheck // the client's own words

// Natively runs commands as the client of the Hub and the Admin app does: when the connection fails it connects again, ever
// later, and sends again what it has no reply to, which Redis may then execute twice.
func Natively(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	for n := 1; ; n++ {
		err := run(ctx)
		if reply := redis.Error(nil); err == nil || errors.As(err, &reply) {
			return err
		}
		select {
		case <-time.After(min(time.Duration(n)*200*time.Millisecond, 3*time.Second)):
		case <-ctx.Done():
			return ErrTimeout
		}
	}
}
