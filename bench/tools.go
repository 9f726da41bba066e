package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools is what the benchmark needs besides itself.
type tools struct {
	vegeta string // the program, as go.mod pins it
	folder string // of what vegeta shall open
	attack string // what vegeta leaves of a run
}

// remedies say where programs come from.
var remedies = map[string]string{k6Binary: "make build", wrk: "apt-get install wrk", "taskset": "apt-get install util-linux"}

// findTools looks for programs, k6 and taskset among them, and makes vegeta ready to run with its files in the folder.
func findTools(ctx context.Context, folder string, programs ...string) (*tools, error) {
	for _, program := range append(programs, k6Binary, "taskset") {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is missing: %s", program, remedies[program])
		}
	}
	path, err := exec.CommandContext(ctx, "go", "tool", "-n", vegeta).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool -n vegeta: %w", err)
	}
	return &tools{
		vegeta: strings.TrimSpace(string(path)),
		folder: folder,
		attack: filepath.Join(folder, "attack"),
	}, nil
}

// attackOn is the command with which vegeta makes taps at a URL. It may start so many workers; it starts with 10.
func (t *tools) attackOn(url string, rate, seconds, workers int, more ...string) []string {
	return append([]string{
		t.vegeta, "-cpus=4", "attack", "-redirects=-1", "-max-body=0",
		fmt.Sprintf("-rate=%d/s", rate), fmt.Sprintf("-duration=%ds", seconds), fmt.Sprintf("-max-workers=%d", workers),
		"-targets=" + t.targets(url), "-output=" + t.attack,
	}, more...)
}

// targets is the file of what vegeta opens at a URL.
func (t *tools) targets(origin string) string { return filepath.Join(t.folder, url.PathEscape(origin)) }

// writeTargets has vegeta open a few thousand of the taps that the scripts make.
func (t *tools) writeTargets(url string) error {
	var list bytes.Buffer
	for range 5000 {
		fmt.Fprintf(&list, "GET %s/e?bandId=LOADTEST-E%d-%06d", url, 1+rand.IntN(3), 1+rand.IntN(200_000)) // #nosec G404 -- a load test's
		if rand.IntN(2) == 0 {                                                                             // #nosec G404 -- a load test's
			list.WriteString("&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest")
		}
		list.WriteString("\n")
	}
	return os.WriteFile(t.targets(url), list.Bytes(), 0o600)
}

// readAttack lets vegeta report on what it left in its file: after the run, so that it costs the run nothing.
func (t *tools) readAttack([]byte) (claim, error) {
	report, err := exec.Command(t.vegeta, "report", "-type=json", t.attack).Output() // #nosec G204 -- built by us
	if err != nil {
		return claim{}, fmt.Errorf("vegeta report: %w", err)
	}
	return readVegeta(report)
}
