package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

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
	if err == nil {
		return options, nil
	}
	// Not err: it repeats the URL. What looks like an option's name may be the rest of a password.
	const wanted = "REDIS_URL must be redis://[:password@]host:port[/db], or rediss:// for TLS"
	if name, ok := strings.CutPrefix(err.Error(), "redis: unexpected option: "); ok && optionNames.MatchString(name) {
		return nil, errors.New(wanted + ". The parameter " + name + " is not supported: leave it out")
	}
	if _, invalid := url.Parse(s.RedisURL); invalid != nil {
		return nil, errors.New(wanted + ", and this is not a URL. In a password, characters such as / ? # and % must be percent-encoded: %2F %3F %23 %25")
	}
	return nil, errors.New(wanted)
}

// optionNames are names of a URL's parameters, as errors list them.
var optionNames = regexp.MustCompile(`^[a-z_]+(, [a-z_]+)*$`)

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
	var handshaking atomic.Bool
	options.Dialer = dial(ctx, network.Dialer, options.TLSConfig, &handshaking)
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
	command := "LLEN " + s.Key
	if length.Err() == nil && counts.Err() != nil {
		command = "MGET " + received + " …"
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err = network.Answered.Note(options.Addr, vuhttp.Late(err, s.Timeout)); err != nil {
		return Reading{}, s.failed(command, options, err, handshaking.Load())
	}
	return s.reading(length.Val(), counts.Val(), "REDIS_URL")
}

// failed is the error about native Redis: what it answered, or that it did not.
func (s Source) failed(command string, options *redis.Options, err error, handshaking bool) error {
	request := command + " on " + options.Addr
	if _, replied := errors.AsType[redis.Error](err); replied {
		said := err.Error()
		if options.Password != "" { // who does not know AUTH repeats it with its arguments
			said = strings.ReplaceAll(said, options.Password, "****")
		}
		said = answer.Words(said)
		return &answer.Error{Request: request, Got: "answered " + said, Advice: s.refused(said, "the password in REDIS_URL")}
	}
	wrong := answer.Failed(request, "REDIS_URL", err)
	_, lost := err.(*answer.Lost)
	switch closed := errors.Is(err, io.EOF); {
	case closed && !lost && options.TLSConfig == nil:
		wrong.Advice = "Is REDIS_URL right? A server with TLS needs rediss://"
	case handshaking && (closed || errors.Is(err, context.DeadlineExceeded)):
		wrong.Advice = "It doesn't speak TLS: use redis:// instead of rediss://"
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
	return "Is this the queue's Redis, and is it healthy?"
}

// dial connects through the VU's dialer, until the sample is over: go-redis leaves TLS to a dialer of one's own, and
// waits for an answer whatever becomes of its context. A server that speaks no TLS leaves it handshaking.
func dial(over context.Context, dialer lib.DialContexter, config *tls.Config, handshaking *atomic.Bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(over, func() { _ = conn.Close() }) // it is done with
		if config == nil {
			return conn, nil
		}
		secured := tls.Client(conn, config)
		handshaking.Store(true)
		if err := secured.HandshakeContext(over); err != nil {
			return nil, err
		}
		handshaking.Store(false)
		return secured, nil
	}
}
