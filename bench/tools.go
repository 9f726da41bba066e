package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools is what the benchmark needs besides itself.
type tools struct {
	vegeta  string // the program, as go.mod pins it
	targets string // what vegeta shall open
	attack  string // what vegeta leaves of a run
}

// findTools looks for programs, and makes vegeta ready to run with its files in the folder.
func findTools(ctx context.Context, folder string) (*tools, error) {
	for program, remedy := range map[string]string{
		k6Binary: "make build", wrk: "apt-get install wrk", "taskset": "apt-get install util-linux",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is missing: %s", program, remedy)
		}
	}
	path, err := exec.CommandContext(ctx, "go", "tool", "-n", vegeta).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool -n vegeta: %w", err)
	}
	return &tools{
		vegeta:  strings.TrimSpace(string(path)),
		targets: filepath.Join(folder, "targets"),
		attack:  filepath.Join(folder, "attack"),
	}, nil
}

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
	return os.WriteFile(t.targets, list.Bytes(), 0o600)
}

// readAttack lets vegeta report on what it left in its file: after the run, so that it costs the run nothing.
func (t *tools) readAttack([]byte) (claim, error) {
	report, err := exec.Command(t.vegeta, "report", "-type=json", t.attack).Output() // #nosec G204 -- built by us
	if err != nil {
		return claim{}, fmt.Errorf("vegeta report: %w", err)
	}
	return readVegeta(report)
}
