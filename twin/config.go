package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// Config is everything a twin can be told.
type Config struct {
	Worker, Hub, Admin, Upstash, Redis, Control string // listen addresses

	RedisURL    string // of a real Redis; "" embeds one
	DatabaseURL string // of a PostgreSQL; "" embeds SQLite
	EnvFile     string // "" writes none

	Email, Password, CronSecret, UpstashToken string

	FallbackURL  string  // the Worker's; "" leaves it to the Worker
	UpstashRate  float64 // requests/s of the plan; 0 for no limit
	CookiePrefix string
	Role         string // of the user
	Superjson    bool
	FlushTime    time.Duration
	Bands        int // of each event
	History      int // past taps
}

// fromEnvironment takes what the environment sets; secrets that it doesn't are random.
func fromEnvironment() Config {
	return Config{
		RedisURL:     os.Getenv("REDIS_URL"),
		DatabaseURL:  os.Getenv("DATABASE_URL"),
		FallbackURL:  os.Getenv("FALLBACK_URL"),
		Email:        cmp.Or(os.Getenv("TEST_EMAIL"), "loadtest@sparkmotion.net"),
		Password:     cmp.Or(os.Getenv("TEST_PASSWORD"), rand.Text()),
		CronSecret:   cmp.Or(os.Getenv("CRON_SECRET"), rand.Text()),
		UpstashToken: cmp.Or(os.Getenv("UPSTASH_REDIS_REST_TOKEN"), rand.Text()),
	}
}

// address is one listen address of a Config.
type address struct {
	name, what string
	value      *string
}

func (c *Config) addresses() []address {
	return []address{
		{"worker", "the Worker", &c.Worker},
		{"hub", "the Hub", &c.Hub},
		{"admin", "the Admin app", &c.Admin},
		{"upstash", "Upstash REST", &c.Upstash},
		{"redis", "the embedded Redis", &c.Redis},
		{"control", "the control endpoint", &c.Control},
	}
}

// check refuses what can't work, and addresses that others could reach: the twin's data is for this machine.
func (c *Config) check() error {
	for _, a := range c.addresses() {
		host, _, err := net.SplitHostPort(*a.value)
		if err != nil {
			return fmt.Errorf("-%s %s is no address: give HOST:PORT, such as 127.0.0.1:0", a.name, *a.value)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("-%s %s isn't on loopback: give 127.0.0.1:PORT, [::1]:PORT or localhost:PORT", a.name, *a.value)
		}
	}
	switch {
	case c.History < 0:
		return fmt.Errorf("-history %d: give 0 or more rows", c.History)
	case c.Bands < 0 || c.Bands > 999_999:
		return fmt.Errorf("-bands %d: give 0 to 999999 bands an event", c.Bands)
	case c.UpstashRate < 0:
		return fmt.Errorf("-upstash-rate %v: give 0 (no limit) or more requests/s", c.UpstashRate)
	case c.Role != "ADMIN" && c.Role != "CUSTOMER":
		return fmt.Errorf("-role %s: give ADMIN or CUSTOMER", c.Role)
	case len(c.Password) < 8:
		return errors.New("TEST_PASSWORD has fewer than 8 characters: the Admin app refuses it")
	}
	return nil
}

// Settings are this twin's URLs and secrets as KEY=VALUE, under the names that the load test reads.
func (t *Twin) Settings() []string {
	var ids []string
	for _, e := range event.All {
		ids = append(ids, e.ID)
	}
	settings := []string{
		"WORKER_URL=" + t.url("worker"),
		"HUB_URL=" + t.url("hub"),
		"ADMIN_URL=" + t.url("admin"),
		"DIRECT_URL=" + t.url("worker"),
		"LOADTEST_ORG_ID=" + event.Org.ID,
		"LOADTEST_EVENT_ID=" + event.All[0].ID,
		"LOADTEST_EVENT_IDS=" + strings.Join(ids, ","),
		"LOADTEST_BANDS=" + strconv.Itoa(t.config.Bands),
		"TEST_EMAIL=" + t.config.Email,
		"TEST_PASSWORD=" + t.config.Password,
		"CRON_SECRET=" + t.config.CronSecret,
		"UPSTASH_REDIS_REST_URL=" + t.url("upstash"),
		"UPSTASH_REDIS_REST_TOKEN=" + t.config.UpstashToken,
		"TWIN_CONTROL_URL=" + t.url("control"),
		"TWIN_REDIS_URL=" + t.store.URL,
	}
	if t.database.URL != "" {
		settings = append(settings, "TWIN_DATABASE_URL="+t.database.URL)
	}
	return settings
}

// writeSettings writes the settings to a file for its owner only, which is complete from the moment it's there.
func (t *Twin) writeSettings(file string) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".twin-env-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // fails once it's renamed
	_, err = temporary.WriteString(strings.Join(t.Settings(), "\n") + "\n")
	if err := cmp.Or(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
