package integration

import (
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// settled is a folder for make: the Makefile, the scripts and ./k6 are links to ours, .env.test has the settings.
func settled(t *testing.T, settings map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"Makefile", "scripts", "k6"} {
		if err := os.Symlink(absolute(t, "../"+name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	lines := "# of a test\n\n"
	for name, value := range settings {
		lines += name + "=" + value + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, ".env.test"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runMake runs make there, with ./k6 and the twin as they are.
func runMake(t *testing.T, dir string, args ...string) run {
	t.Helper()
	return runCommand(t, nil, "make", append([]string{"--directory", dir, "--old-file", "k6", "--old-file", "build"}, args...)...)
}

// TestMakeCloud: make e2e CLOUD=1 gets as far as Grafana Cloud, which here refuses the run.
func TestMakeCloud(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	var asked []string
	cloud := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		lock.Lock()
		defer lock.Unlock()
		asked = append(asked, r.URL.Path+" "+string(body))
		w.WriteHeader(http.StatusForbidden)
	})
	dir := settled(t, map[string]string{
		"K6_CLOUD_HOST": cloud, "K6_CLOUD_HOST_V6": cloud, "K6_CLOUD_TOKEN": "5up3r-token", "K6_CLOUD_STACK_ID": "1", "K6_CLOUD_PROJECT_ID": "4711",
	})
	r := runMake(t, dir, "e2e", "ENV=test", "CLOUD=1")
	r.wants(2, "not allowed to upload result to k6 Cloud")
	lock.Lock()
	defer lock.Unlock()
	if len(asked) != 1 || !strings.Contains(asked[0], "/projects/4711/") || !strings.Contains(asked[0], "SparkMotion end to end") {
		t.Errorf("it asked %q", asked)
	}
}

// TestMakeSettings: a secret is what stands in the file, whatever a shell would make of it, for both targets that read one. The
// profile is at its smallest; whether its limits hold is no matter here.
func TestMakeSettings(t *testing.T) {
	t.Parallel()
	awkward := map[string]string{
		"TEST_PASSWORD":            `5up3r &x (y) $HOME $(id) "z" 'w' \ a=b#c;`,
		"CRON_SECRET":              "5up3r`id`|'",
		"UPSTASH_REDIS_REST_TOKEN": `5up3r>"x`,
	}
	tw := startTwinWith(t, awkward)
	env := maps.Clone(tw.env)
	maps.Copy(env, map[string]string{"SCALE": "0.002", "TIME_SCALE": "0.01"})
	for target, args := range map[string][]string{"e2e": nil, "distributed": {"N=1"}} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			dir := settled(t, env)
			r := runMake(t, dir, append(args, target, "ENV=test")...)
			r.dir = filepath.Join(dir, "results")
			r.wants(r.code, "results/e2e-load-report.html")
			r.has(t, "e2e-load-summary.json")
			r.hidesSecrets(t)
		})
	}
}

// TestMakeNeeds: a target says which setting of make's command line it lacks, before it starts anything.
func TestMakeNeeds(t *testing.T) {
	t.Parallel()
	dir := settled(t, nil)
	for want, args := range map[string][]string{
		"set ENV: make smoke ENV=staging":           {"smoke"},
		"set ENV: make e2e ENV=staging":             {"e2e", "SCALE=0.1"},
		"*** set N: make distributed N=3.  Stop.\n": {"distributed"},
		"set N: make distributed N=3":               {"distributed", "ENV=test"},
	} {
		r := runMake(t, dir, args...)
		r.wants(2, want)
		if strings.Contains(r.output, "exited") {
			t.Errorf("%v started something:\n%s", args, r.output)
		}
	}
}

// TestWithEnv: a file is read as it stands, and what is wrong in it is told without showing it.
func TestWithEnv(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lines string
		code        int
		output      string
	}{
		{"values as they stand", "A=$HOME `id` & (x) \"y\" \\ a=b \nfile=1\nline=a#b'c\nEMPTY=\n", 0, "$HOME `id` & (x) \"y\" \\ a=b |1|a#b'c||none\n"},
		{"comments, blank lines, CRs, no last line end", "#A=1\r\n\r\n  # B\r\nA=2\r\nEMPTY=3", 0, "2|none|none|3|none\n"},
		{"nothing", "", 0, "none|none|none|none|none\n"},
		{"quotes", "A=1\nB=\"5up3r x\"\n", 2, "FILE, line 2: B begins with a quote, which would become part of the value: remove the quotes\n"},
		{"single quotes", "B='5up3r'", 2, "FILE, line 1: B begins with a quote, which would become part of the value: remove the quotes\n"},
		{"no name", "\n=5up3r", 2, "FILE, line 2: expected NAME=value, without spaces before the name or around the =\n"},
		{"a shell's export", "export A=5up3r", 2, "FILE, line 1: it begins with export, which only a shell understands: remove that word\n"},
		{"a byte order mark", "\xEF\xBB\xBFA=5up3r", 2, "FILE, line 1: it begins with a byte order mark: save the file as UTF-8 without one\n"},
		{"a blank behind quotes", "A=1\nB='5up3r' \t", 2, "FILE, line 2: B begins with a quote, which would become part of the value: remove the quotes\n"},
		{"a comment behind quotes", "B=\"5up3r\" # its name", 2, "FILE, line 1: B begins with a quote, which would become part of the value: remove the quotes\n"},
		{"an open quote", "A=1\nB='5up3r", 2, "FILE, line 2: B begins with a quote, which would become part of the value: remove the quotes\n"},
		{"a comment behind a value", "A=1\nB=5up3r\t# its name", 2,
			"FILE, line 2: B has a blank and a # in it, where a shell begins a comment: give the comment a line of its own\n"},
		{"a comment for a value", "B=# 5up3r", 2,
			"FILE, line 1: B has a blank and a # in it, where a shell begins a comment: give the comment a line of its own\n"},
		{"the line ends of an old Mac", "A=1\rB=5up3r\r", 2,
			"FILE, line 1: it holds a carriage return, which ends no line here: save the file with the line ends of Unix\n"},
		{"UTF-16", "\xFF\xFEA\x00=\x005\x00", 2, "FILE, line 1: it holds NUL bytes, as UTF-16 does: save the file as UTF-8\n"},
		{"UTF-16 without a mark", "A\x00=\x005\x00\n\x00", 2, "FILE, line 1: it holds NUL bytes, as UTF-16 does: save the file as UTF-8\n"},
		{"a second line of a secret", "A=5up3r\n5up3r", 2, "FILE, line 2: expected NAME=value, without spaces before the name or around the =\n"},
		{"spaces", "A = 5up3r", 2, "FILE, line 1: expected NAME=value, without spaces before the name or around the =\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), ".env.test")
			if err := os.WriteFile(file, []byte(c.lines), 0o600); err != nil {
				t.Fatal(err)
			}
			r := runCommand(t, nil, absolute(t, "../scripts/with-env.sh"), file,
				"sh", "-c", `echo "${A-none}|${file-none}|${line-none}|${EMPTY-none}|${number-none}"`)
			r.wants(c.code)
			if got := strings.ReplaceAll(r.output, file, "FILE"); got != c.output {
				t.Errorf("it printed %q, not %q", got, c.output)
			}
		})
	}
	r := runMake(t, settled(t, nil), "e2e", "ENV=none")
	r.wants(2, "no .env.none: copy .env.example to it and fill it in")
	if strings.Contains(r.output, "k6 exited") {
		t.Errorf("k6 did not run:\n%s", r.output)
	}
}
