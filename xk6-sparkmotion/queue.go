package sparkmotion

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"github.com/redis/go-redis/v9"
	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/upstash"
)

// go-redis also writes its errors to stderr, past k6's log; they come back to us as well.
func init() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

type queueOptions struct {
	URL      string        `js:"url" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token    string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	Key      string        `js:"key" default:"tap-log:pending"`
	Timeout  time.Duration `js:"timeout" default:"60s"`
}

func (o queueOptions) configured() bool { return o.RedisURL != "" || (o.URL != "" && o.Token != "") }

// check refuses half a configuration, which is a mistake and no wish to skip, and a URL that is none.
func (o queueOptions) check() error {
	if o.RedisURL == "" && (o.URL == "") != (o.Token == "") {
		return errors.New("UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together: one of them is missing")
	}
	if o.RedisURL == "" {
		return nil
	}
	_, err := o.redis()
	return err
}

// redis reads REDIS_URL.
func (o queueOptions) redis() (*redis.Options, error) {
	options, err := redis.ParseURL(o.RedisURL)
	if err != nil { // not err: it repeats the URL
		return nil, errors.New("REDIS_URL must be redis://[:password@]host:port[/db], or rediss:// for TLS")
	}
	return options, nil
}

// queueDepth returns how many taps wait in the queue: LLEN by native Redis when REDIS_URL is set, else by Upstash REST;
// null, and one line in the log a run, when neither is configured. It throws when the queue can't be read.
func (m *module) queueDepth(given sobek.Value) sobek.Value {
	var o queueOptions
	if err := m.options("queueDepth", given, &o); err != nil {
		m.throw(err)
	}
	if err := o.check(); err != nil {
		m.throw(in("queueDepth", err))
	}
	if !o.configured() {
		m.run.notices.once("queueDepth", func() {
			m.logger().Info("queueDepth skips: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to sample the queue")
		})
		return sobek.Null()
	}
	depth, took, err := m.depth(o)
	if errors.Is(err, errInit) {
		m.throw(in("queueDepth", err))
	}
	m.emitTook(m.metrics.upstashLatency, took)
	m.emit(m.metrics.errorRate, rate(err != nil), "part", capacity.Upstash)
	if err != nil {
		m.record(func(r *capacity.Recorder) { r.QueueSample(capacity.QueueSample{At: time.Now(), Failed: true}) })
		m.throw(in("queueDepth", err))
	}
	m.record(func(r *capacity.Recorder) { r.QueueSample(capacity.QueueSample{At: time.Now(), Depth: depth}) })
	m.emit(m.metrics.queueDepth, float64(depth))
	return m.vu.Runtime().ToValue(depth)
}

// depth asks for the queue's length, and says how long Upstash took for it.
func (m *module) depth(o queueOptions) (int64, time.Duration, error) {
	if m.vu.State() == nil {
		return 0, 0, errInit
	}
	if o.RedisURL != "" {
		depth, err := m.depthByRedis(o)
		return depth, 0, err
	}
	c, err := m.client(o.URL, o.Timeout)
	if err != nil {
		return 0, 0, err
	}
	value, err := upstash.Client{Doer: c, URL: o.URL, Token: o.Token}.Do(m.context(), upstash.Command{"LLEN", o.Key})
	var refused *upstash.Error
	if errors.As(err, &refused) {
		err = fmt.Errorf("%w. %s", err, o.refused(refused.Message, "UPSTASH_REDIS_REST_TOKEN"))
	}
	if err != nil {
		return 0, c.took, err
	}
	depth, ok := value.(int64)
	if !ok {
		return 0, c.took, fmt.Errorf("LLEN %s answered %s (%T) instead of a number. Is UPSTASH_REDIS_REST_URL a Redis?",
			o.Key, answer.Words(fmt.Sprint(value)), value)
	}
	return depth, c.took, nil
}

// depthByRedis asks over a connection of its own: samples are seconds apart, and nothing is left open between them.
func (m *module) depthByRedis(o queueOptions) (int64, error) {
	options, err := o.redis()
	if err != nil {
		return 0, err
	}
	state := m.vu.State()
	if options.TLSConfig != nil {
		host := options.TLSConfig.ServerName
		options.TLSConfig = state.TLSConfig.Clone()
		options.TLSConfig.ServerName = host
	}
	ctx, cancel := context.WithTimeout(m.context(), o.Timeout)
	defer cancel()
	options.Dialer = dial(ctx, state.Dialer, options.TLSConfig)
	options.PoolSize = 1
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.DisableIdentity = true
	options.ReadTimeout, options.WriteTimeout, options.DialTimeout = o.Timeout, o.Timeout, o.Timeout
	client := redis.NewClient(options)
	defer client.Close() // nothing is written that could be lost
	depth, err := client.LLen(ctx, o.Key).Result()
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, o.failed(options, ctx.Err())
	case err != nil:
		return 0, o.failed(options, err)
	}
	return depth, nil
}

// failed is the error about native Redis: what it answered, or that it did not.
func (o queueOptions) failed(options *redis.Options, err error) error {
	request := "LLEN " + o.Key + " on " + options.Addr
	var reply redis.Error
	if errors.As(err, &reply) {
		said := err.Error()
		if options.Password != "" { // who does not know AUTH repeats it with its arguments
			said = strings.ReplaceAll(said, options.Password, "****")
		}
		said = answer.Words(said)
		return &answer.Error{Request: request, Got: "answered " + said, Advice: o.refused(said, "the password in REDIS_URL")}
	}
	wrong := answer.Failed(request, "REDIS_URL", late(err, o.Timeout))
	if errors.Is(err, io.EOF) && options.TLSConfig == nil {
		wrong.Advice = "Is REDIS_URL right? A server that wants TLS needs rediss://"
	}
	return wrong
}

// refused is what to change when Redis answers an error.
func (o queueOptions) refused(message, credentials string) string {
	switch kind, _, _ := strings.Cut(message, " "); kind {
	case "WRONGTYPE":
		return "Is " + o.Key + " the queue's key?"
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
