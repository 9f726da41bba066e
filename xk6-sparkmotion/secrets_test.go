package sparkmotion

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

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
func (p *process) withSecrets(v vault) {
	p.t.Helper()
	manager, hook, err := secretsource.NewManager(map[string]secretsource.Source{secretsource.DefaultSourceName: v})
	if err != nil {
		p.t.Fatal(err)
	}
	p.secrets = manager
	p.logger.ReplaceHooks(make(logrus.LevelHooks))
	p.logger.AddHook(hook)
	p.logger.AddHook(p.log)
}

func TestSecretSource(t *testing.T) {
	t.Parallel()
	var sent []string
	link, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		body := `{"result":7}`
		if r.URL.Path == "/api/cron/flush-taps" {
			body = `{"success":true,"flushed":1,"batches":1,"failedBatches":0,"remaining":0,"durationMs":1}`
		}
		_, _ = io.WriteString(w, body)
	})
	link = strings.Replace(link, "user:hush@", "", 1)
	p := newProcess(t, map[string]string{"HUB_URL": link, "UPSTASH_REDIS_REST_URL": link})
	p.withSecrets(vault{"CRON_SECRET": "hush-cron", "UPSTASH_REDIS_REST_TOKEN": "hush-token"})
	s := p.start(1)
	equal(t, "flushed", s.show("sm.flushTaps().flushed"), "1")
	equal(t, "depth", s.show("sm.queueDepth()"), "7")
	equal(t, "command", s.show("new sm.Upstash().command(['GET', 'k'])"), "7")
	s.run("sm.flushTaps({secret: 'hush-option'})")
	s.vu.rt.Get("__ENV").ToObject(s.vu.rt).Set("CRON_SECRET", "hush-env")
	s.run("sm.flushTaps()")
	equalLines(t, "sent", sent, "Bearer hush-cron", "Bearer hush-token", "Bearer hush-token", "Bearer hush-option", "Bearer hush-env")

	p.logger.Warn("a log with hush-cron in it")
	equal(t, "log", p.log.LastEntry().Message, "a log with ***SECRET_REDACTED*** in it")
}

// What a source lacks is said with its reason; what needs not be there is not.
func TestSecretSourceWithoutTheSecret(t *testing.T) {
	t.Parallel()
	p := newProcess(t, map[string]string{"ADMIN_URL": "http://host"})
	p.withSecrets(nil)
	s := p.start(1)
	equal(t, "login", s.fails("sm.login()"), "login needs TEST_PASSWORD (k6's secret source: no value): "+
		"set it in the environment, or pass it as an option")
	equal(t, "depth", s.show("sm.queueDepth()"), "null")
}
