package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// go-redis also writes its errors to stderr, past k6's log; they come back to us as well.
func init() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// redis reads REDIS_URL.
func (s Source) redis() (*redis.Options, error) {
	options, err := redis.ParseURL(s.RedisURL)
	if err != nil { // not err: it repeats the URL
		return nil, errors.New("REDIS_URL must be redis://[:password@]host:port[/db], or rediss:// for TLS")
	}
	return options, nil
}

// readByRedis asks over a connection of its own: samples are seconds apart, and nothing is left open between them.
func (s Source) readByRedis(ctx context.Context, network Network) (Reading, error) {
	options, err := s.redis()
	if err != nil {
		return Reading{}, err
	}
	if options.TLSConfig != nil {
		host := options.TLSConfig.ServerName
		options.TLSConfig = network.TLS.Clone()
		options.TLSConfig.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	options.Dialer = dial(ctx, network.Dialer, options.TLSConfig)
	options.PoolSize = 1
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.DisableIdentity = true
	options.ReadTimeout, options.WriteTimeout, options.DialTimeout = s.Timeout, s.Timeout, s.Timeout
	client := redis.NewClient(options)
	defer client.Close() // nothing is written that could be lost
	var length *redis.IntCmd
	var counts *redis.SliceCmd
	_, err = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		length, counts = pipe.LLen(ctx, s.Key), pipe.MGet(ctx, counters()...)
		return nil
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return Reading{}, s.failed("LLEN "+s.Key, options, ctx.Err())
	case length.Err() != nil:
		return Reading{}, s.failed("LLEN "+s.Key, options, length.Err())
	case counts.Err() != nil:
		return Reading{}, s.failed("MGET "+received+" …", options, counts.Err())
	}
	return s.reading(length.Val(), counts.Val(), "REDIS_URL")
}

// failed is the error about native Redis: what it answered, or that it did not.
func (s Source) failed(command string, options *redis.Options, err error) error {
	request := command + " on " + options.Addr
	var reply redis.Error
	if errors.As(err, &reply) {
		said := err.Error()
		if options.Password != "" { // who does not know AUTH repeats it with its arguments
			said = strings.ReplaceAll(said, options.Password, "****")
		}
		said = answer.Words(said)
		return &answer.Error{Request: request, Got: "answered " + said, Advice: s.refused(said, "the password in REDIS_URL")}
	}
	wrong := answer.Failed(request, "REDIS_URL", vuhttp.Late(err, s.Timeout))
	if errors.Is(err, io.EOF) && options.TLSConfig == nil {
		wrong.Advice = "Is REDIS_URL right? A server that wants TLS needs rediss://"
	}
	return wrong
}

// refused is what to change when Redis answers an error.
func (s Source) refused(message, credentials string) string {
	switch kind, _, _ := strings.Cut(message, " "); kind {
	case "WRONGTYPE":
		return "Is " + s.Key + " the queue's key?"
	case "NOAUTH", "WRONGPASS", "NOPERM":
		return "Check " + credentials
	}
	return "Is this the queue's Redis, and is it well?"
}

// dial connects through the VU's dialer, until the sample is over: go-redis leaves TLS to a dialer of one's own, and
// waits for an answer whatever becomes of its context.
func dial(over context.Context, dialer lib.DialContexter, config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(over, func() { _ = conn.Close() }) // it is done with
		if config != nil {
			return tls.Client(conn, config), nil
		}
		return conn, nil
	}
}
