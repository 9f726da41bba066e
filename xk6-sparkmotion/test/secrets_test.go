package test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/secretsource"
)

// vault is a secret source.
type vault map[string]string

func (v vault) Description() string { return "a vault" }

func (v vault) Get(key string) (string, error) {
	value, ok := v[key]
	if !ok {
		return "", errors.New("no value")
	}
	return value, nil
}

// withSecrets gives the process a secret source, as --secret-source does: its values are kept out of the log.
func withSecrets(t *testing.T, p *vutest.Process, v vault) {
	t.Helper()
	manager, hook, err := secretsource.NewManager(map[string]secretsource.Source{secretsource.DefaultSourceName: v})
	if err != nil {
		t.Fatal(err)
	}
	p.Secrets = manager
	p.Logger.ReplaceHooks(make(logrus.LevelHooks))
	p.Logger.AddHook(hook)
	p.Logger.AddHook(p.Log)
}

func TestSecretSource(t *testing.T) {
	t.Parallel()
	var flushes, commands []string
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent := &commands
		body := `{"result":7}`
		switch r.URL.Path {
		case "/pipeline":
			body = counted(7, 7)
		case "/api/cron/flush-taps":
			sent = &flushes
			body = `{"success":true,"flushed":1,"batches":1,"failedBatches":0,"remaining":0,"durationMs":1}`
		}
		*sent = append(*sent, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, body)
	})
	link = strings.Replace(link, "user:hush@", "", 1)
	p := newProcess(t, map[string]string{"HUB_URL": link, "UPSTASH_REDIS_REST_URL": link})
	withSecrets(t, p, vault{"CRON_SECRET": "hush-cron", "UPSTASH_REDIS_REST_TOKEN": "hush-token"})
	s := p.Start(1)
	vutest.Equal(t, "flushed", s.Show("sm.flushTaps().flushed"), "1")
	vutest.Equal(t, "depth", s.Show("sm.queueDepth()"), "7")
	vutest.Equal(t, "command", s.Show("new sm.Upstash().command(['GET', 'k'])"), "7")
	s.Run("sm.flushTaps({secret: 'hush-option'})")
	s.VU.Runtime().Get("__ENV").ToObject(s.VU.Runtime()).Set("CRON_SECRET", "hush-env")
	s.Run("sm.flushTaps()")
	vutest.EqualLines(t, "flushes", flushes, "Bearer hush-cron", "Bearer hush-option", "Bearer hush-env")
	const token = "Bearer hush-token"
	if commands = slices.Compact(commands); !slices.Equal(commands, []string{token}) { // a flush may be followed by a reading of the queue
		t.Errorf("commands were sent with %q", commands)
	}

	p.Logger.Warn("a log with hush-cron in it")
	vutest.Equal(t, "log", p.Log.LastEntry().Message, "a log with ***SECRET_REDACTED*** in it")
}

// What a source lacks is said with its reason; what needs not be there is not.
func TestSecretSourceWithoutTheSecret(t *testing.T) {
	t.Parallel()
	p := newProcess(t, map[string]string{"ADMIN_URL": "http://host"})
	withSecrets(t, p, nil)
	s := p.Start(1)
	vutest.Equal(t, "login", s.Fails("sm.login()"), "login needs TEST_PASSWORD (k6's secret source: no value): "+
		"set it in the environment, or pass it as an option")
	vutest.Equal(t, "depth", s.Show("sm.queueDepth()"), "null")
}
