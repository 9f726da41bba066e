package integration

import (
	"encoding/base64"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secrets are settings that a test can find again wherever they turn up.
var secrets = map[string]string{
	"TEST_PASSWORD":            "5up3r-password&+%",
	"CRON_SECRET":              "5up3r-cron",
	"UPSTASH_REDIS_REST_TOKEN": "5up3r-token",
}

// userinfo stands before the host in all URLs.
const userinfo = "5up3r-user:5up3r-urlpassword"

// marks are what the secrets look like on the wire: as they are, URL-encoded, and in a Basic header; and how the twin's
// session tokens begin.
var marks = []string{"5up3r", base64.StdEncoding.EncodeToString([]byte(userinfo))[:24], "eyJhbGciOi"}

// dashboard lets k6 write its own report.
var dashboard = map[string]string{
	"K6_WEB_DASHBOARD": "true", "K6_WEB_DASHBOARD_EXPORT": "report.html", "K6_WEB_DASHBOARD_PORT": "-1", "K6_WEB_DASHBOARD_PERIOD": "1s",
}

// everything calls each primitive once, with all that it returns and throws in the log.
const everything = `
	import * as sm from 'k6/x/sparkmotion';
	export const options = { vus: 2, iterations: 4 };
	const timeout = __ENV.TIMEOUT;
	const text = 'analytics:' + __ENV.LOADTEST_EVENT_ID + ':text'; // no list, and gone with the twin
	function attempt(what, run) {
		try { console.log(what, JSON.stringify(run())) } catch (e) { console.error(what, e, JSON.stringify(e), e.stack) }
	}
	export function setup() {
		attempt('preflight', () => { sm.preflight({ timeout }) }); // it returns the session
		let session = { cookie: 'x=5up3r-cookie', renew: true };
		attempt('login', () => { session = sm.login({ timeout, renew: true }) });
		return { session };
	}
	export default function ({ session }) {
		const upstash = new sm.Upstash({ timeout });
		attempt('tap', () => sm.tap({ timeout }));
		attempt('h2', () => sm.tap({ timeout, protocol: 'h2' }));
		attempt('taps', () => sm.taps(3, { timeout }));
		attempt('query', () => sm.query(session, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }, { timeout }));
		attempt('expired', () => sm.query({ ...session, cookie: 'x=5up3r-cookie' }, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }, { timeout }));
		attempt('batch', () => sm.batch(session, [['analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }], ['no.such']], { timeout }));
		attempt('flushTaps', () => sm.flushTaps({ timeout }));
		attempt('queueDepth', () => sm.queueDepth({ timeout }));
		attempt('native', () => sm.queueDepth({ timeout, redisURL: 'redis://:5up3r-redis@' + __ENV.REDIS_HOST }));
		attempt('command', () => upstash.command(['SET', text, 'x']));
		attempt('no list', () => sm.queueDepth({ timeout, key: text }));
		attempt('pipeline', () => upstash.pipeline([['LLEN', text], ['NO', 'SUCH']]));
		attempt('transaction', () => upstash.transaction([['LLEN', text], ['NO', 'SUCH']]));
	}
	export const handleSummary = sm.report;`

// TestSecrets: whatever happens to the system, no secret reaches the log, not even a verbose one with --http-debug, nor
// a tag, a metric, a summary, k6's own report, or an archive.
func TestSecrets(t *testing.T) {
	t.Parallel()
	tw := startTwinWith(t, secrets)
	for name, value := range tw.env {
		if strings.HasSuffix(name, "_URL") && !strings.HasPrefix(name, "TWIN_") {
			tw.env[name] = strings.Replace(value, "://", "://"+userinfo+"@", 1)
		}
	}
	tw.env["REDIS_HOST"] = strings.TrimPrefix(tw.env["TWIN_REDIS_URL"], "redis://")
	tw.env["TIMEOUT"] = "10s" // of what is answered, however busy this machine is
	maps.Copy(tw.env, dashboard)
	file := script(t, everything)
	args := []string{
		"run", "--verbose", "--http-debug=full", "--summary-export=export.json", "--out=json=samples.json", "--out=csv=samples.csv", file,
	}
	for _, one := range []struct {
		name, faults string
		change       map[string]string
		want         string // in the output, or the case is not what its name says
	}{
		{"all well", ``, nil, "flushTaps {"},
		{"unauthorized", all(`{"errorRate":1,"status":401}`), nil, "answered 401"},
		{"limited", all(`{"errorRate":1,"status":429}`), nil, "answered 429"},
		{"broken", all(`{"errorRate":1,"status":500}`), nil, "answered 500"},
		{"reset", all(`{"resetRate":1}`), nil, "reset"},
		{"hung", `"worker":{"hangRate":1},"admin":{"hangRate":1},"upstash":{"hangRate":1}`, map[string]string{"TIMEOUT": "300ms"}, "timeout"},
		{"wrong secrets", ``, map[string]string{
			"TEST_PASSWORD": "5up3r-wrong", "CRON_SECRET": "5up3r-wrong", "UPSTASH_REDIS_REST_TOKEN": "5up3r-wrong",
		}, "Check CRON_SECRET"},
		{"nobody there", ``, everywhere("http://" + userinfo + "@127.0.0.1:1"), "connection refused"},
		{"no such host", ``, everywhere("http://" + userinfo + "@no-such-host.invalid"), "lookup"},
		{"TLS where there is none", ``, everywhere(strings.Replace(tw.env["HUB_URL"], "http:", "https:", 1)), "HTTP response to HTTPS"},
		{"no URLs", ``, everywhere("5up3r://" + userinfo + "@:0:0"), "an http or https URL with a host is expected"},
	} {
		t.Run(one.name, func(t *testing.T) {
			if one.faults == "" {
				t.Parallel() // once the faults of the others are gone
			} else {
				tw.control("PUT", "/faults", `{`+one.faults+`}`)
			}
			env := maps.Clone(tw.env)
			maps.Copy(env, one.change)
			r := runK6(t, env, args...)
			r.wants(0, one.want)
			r.hidesSecrets(t)
			r.has(t, "results/e2e-load-summary.json", "export.json", "samples.json", "samples.csv")
		})
	}
	tw.control("DELETE", "/faults", "")
}

// TestSecretsOfTheProfile: neither the whole profile nor its archive holds a secret, from the environment or a source.
func TestSecretsOfTheProfile(t *testing.T) {
	t.Parallel()
	tw := startTwinWith(t, secrets)
	profile := absolute(t, mainScript)
	t.Run("archive", func(t *testing.T) {
		t.Parallel()
		r := runK6(t, tw.env, "archive", "-O", "e2e.tar", profile)
		r.wants(0)
		r.hidesSecrets(t)
		r.has(t, "e2e.tar")
	})
	t.Run("secret source", func(t *testing.T) {
		t.Parallel()
		source, lines := filepath.Join(t.TempDir(), "secrets"), ""
		env := maps.Clone(tw.env)
		maps.Copy(env, dashboard)
		for name, value := range secrets {
			lines += name + "=" + value + "\n"
			delete(env, name)
		}
		if err := os.WriteFile(source, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		r := runK6(t, env, append(small, "--no-thresholds", "--verbose", "--out=json=samples.json", "--secret-source=file="+source, profile)...)
		r.wants(0)
		r.hidesSecrets(t)
		r.has(t, "results/e2e-load-summary.json", "samples.json", "report.html")
	})
}

// briefly are the settings with which each script and example makes a setup(), an iteration and a summary. The profiles' default function
// ends their runs.
var briefly = map[string][]string{
	"scripts/e2e-load.js":             {"--iterations=1"},
	"scripts/event-day.js":            {"--iterations=1"},
	"scripts/find-capacity.js":        {"--iterations=1"},
	"scripts/smoke.js":                {"--iterations=1"},
	"scripts/audit.js":                {"-e", "TAPS=60", "-e", "RATE=30", "-e", "SETTLE=1s"},
	"scripts/window-switch.js":        {"-e", "BEFORE=1", "-e", "LIMIT=1"},
	"scripts/drain.js":                {"-e", "N=1000"},
	"scripts/soak.js":                 {"-e", "RATE=50", "-e", "HOURS=0.001"},
	"scripts/redirect-breakpoint.js":  {"-e", "PEAK=20", "-e", "CLIMB=2s"},
	"scripts/upstash-pipeline.js":     {"-e", "RATE=10", "-e", "DURATION=1s"},
	"examples/every-call.ts":          nil,
	"examples/link-shortener.js":      {"-e", "RATES=10", "-e", "HOLD=1s"},
	"examples/nextauth-http.js":       {"-e", "DURATION=1s"},
	"examples/upstash-leaderboard.js": {"-e", "RATE=10", "-e", "DURATION=1s"},
}

// TestSecretsOfScripts: no script or example leaves the session that its setup() returns in a file, --summary-export's included.
func TestSecretsOfScripts(t *testing.T) {
	t.Parallel()
	files := []string{}
	for _, pattern := range []string{"../scripts/*.js", "../examples/*.[jt]s"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		name := strings.TrimPrefix(file, "../")
		args, known := briefly[name]
		if !known {
			t.Errorf("how does %s make a short run?", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := startTwinWith(t, secrets)
			tw.env["SHORTENER_URL"] = tw.env["WORKER_URL"] // it refuses such links, which is all the same here
			for _, form := range []string{"--new-machine-readable-summary=false", "--new-machine-readable-summary"} {
				r := runK6(t, tw.env, append(append([]string{"run", "--quiet", "--summary-export=export.json", form}, args...), absolute(t, file))...)
				r.hidesSecrets(t)
				if export, err := os.ReadFile(filepath.Join(r.dir, "export.json")); !strings.Contains(string(export), `"iterations"`) {
					t.Errorf("no iteration ran: %v\n%s", err, r.output)
				}
			}
		})
	}
}

// TestSecretsOfSetup: k6 writes the session of a script without such a handleSummary, so that the others' tests can fail.
func TestSecretsOfSetup(t *testing.T) {
	t.Parallel()
	const leaks = `
		import { login } from 'k6/x/sparkmotion';
		export const options = { iterations: 1 };
		export const setup = () => ({ session: login() });
		export default () => {};`
	tw := startTwin(t)
	for end, want := range map[string]bool{"": true, "export const handleSummary = (data) => void delete data.setup_data;": false} {
		r := runK6(t, tw.env, "run", "--summary-export=export.json", script(t, leaks+end))
		r.wants(0, "iterations") // k6's own summary
		if got := strings.Contains(read(t, filepath.Join(r.dir, "export.json")), "session-token="+marks[len(marks)-1]); got != want {
			t.Errorf("%q: the session is in k6's export: %v", end, got)
		}
	}
}

var (
	setsUp  = regexp.MustCompile(`export (?:function|const) setup\b`)
	logsIn  = regexp.MustCompile(`\b(?:login|preflight)\(`)
	hidden  = regexp.MustCompile(`(?m)^export (?:const|function) handleSummary\b.*(?:report|delete data\.setup_data)`)
	snippet = regexp.MustCompile("(?ms)^[ *]*```(?:js|ts|javascript|typescript)\n(.*?)^[ *]*```$")
)

// TestSnippetsHideSessions: nobody copies from a document a script whose session k6 would write.
func TestSnippetsHideSessions(t *testing.T) {
	t.Parallel()
	files := []string{"../xk6-sparkmotion/index.d.ts"}
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	scripts := 0
	for _, file := range files {
		for _, block := range snippet.FindAllStringSubmatch(read(t, file), -1) {
			if !setsUp.MatchString(block[1]) || !logsIn.MatchString(block[1]) {
				continue
			}
			scripts++
			if !hidden.MatchString(block[1]) {
				t.Errorf("%s: this script lets k6 write its session:\n%s", file, block[1])
			}
		}
	}
	if scripts < 5 {
		t.Errorf("only %d scripts that log in were found in %d files", scripts, len(files))
	}
}

// all is a fault in every part that speaks HTTP.
func all(fault string) string {
	return `"worker":` + fault + `,"hub":` + fault + `,"admin":` + fault + `,"upstash":` + fault
}

// everywhere points all URLs at link.
func everywhere(link string) map[string]string {
	host := strings.TrimPrefix(link, "http://"+userinfo+"@")
	return map[string]string{
		"WORKER_URL": link, "HUB_URL": link, "ADMIN_URL": link, "UPSTASH_REDIS_REST_URL": link, "REDIS_HOST": host,
		"ALLOWED_HOSTS": host,
	}
}

// hidesSecrets looks for the marks in all that k6 printed and in every file it left.
func (r run) hidesSecrets(t *testing.T) {
	t.Helper()
	texts := map[string]string{"the output": r.output}
	err := filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		for _, mark := range append(marks, url.QueryEscape(secrets["TEST_PASSWORD"])) {
			if i := strings.Index(text, mark); i >= 0 {
				t.Errorf("%s shows a secret: …%s…", name, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// has fails the test unless k6 left the files, with something in them.
func (r run) has(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		if info, err := os.Stat(filepath.Join(r.dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty", file)
		}
	}
}
