package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

func text(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// titled returns a report with a title of its own, so that a page mixed from two runs is noticed.
func titled(n int) *capacity.Report {
	r := new(*fixtures()["few"])
	r.Run = capacity.Run{Name: "load", Began: &began, Title: fmt.Sprintf("run %d of many", n)}
	return r
}

// Several runs end at the same time in one folder: each has all its files in its own folder, and the last run's files are complete.
func TestWriteAtOnce(t *testing.T) {
	t.Parallel()
	const runs = 8
	dir := filepath.Join(t.TempDir(), "results")
	var wait sync.WaitGroup
	for n := range runs {
		wait.Go(func() {
			summary := fmt.Sprintf(`{"n": %d, "filler": %q}`, n, strings.Repeat("x", 1<<16))
			if _, err := Write(dir, []byte(summary), nil, titled(n), false); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	folders, err := filepath.Glob(filepath.Join(dir, "20260612T203000Z-load*"))
	if err != nil || len(folders) != runs {
		t.Fatalf("%v %v", folders, err)
	}
	seen := map[string]bool{}
	for _, folder := range folders {
		var n int
		if _, err := fmt.Sscanf(text(t, folder, SummaryFile), "{\n  \"n\": %d,", &n); err != nil {
			t.Fatal(err)
		}
		title := fmt.Sprintf("run %d of many", n)
		seen[title] = true
		for _, file := range []string{PageFile, MarkdownFile, JUnitFile} {
			if !strings.Contains(text(t, folder, file), title) {
				t.Errorf("%s is not of %s", filepath.Join(folder, file), title)
			}
		}
	}
	if len(seen) != runs {
		t.Errorf("%d runs, want %d", len(seen), runs)
	}
	if page := text(t, dir, PageFile); !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
		t.Error("the last run's page is cut")
	}
	latest, err := os.Readlink(filepath.Join(dir, Latest))
	if err != nil || !strings.HasPrefix(latest, "20260612T203000Z-load") {
		t.Errorf("latest: %s %v", latest, err)
	}
	wantNothingBeside(t, dir)
}

// wantNothingBeside fails if a temporary file was left behind.
func wantNothingBeside(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A file that can't be written does not damage the last run's: here, a folder is where the page should be.
func TestWriteFailsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := WriteFile(filepath.Join(dir, SummaryFile), []byte("before")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "taken", "by"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "taken"), []byte("after")); err == nil {
		t.Error("a folder was replaced")
	}
	if err := WriteFile(filepath.Join(dir, "gone", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got := text(t, dir, SummaryFile); got != "before" {
		t.Errorf("got %s", got)
	}
	wantNothingBeside(t, dir)
}

// An audit's findings are kept with the run's files. If Latest can't be a symbolic link, the run says so, and writes all else.
func TestWriteAudit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, Latest), 0o750); err != nil {
		t.Fatal(err)
	}
	said, err := Write(dir, []byte("{}"), []byte("{audited}"), titled(1), false)
	if err != nil || !strings.Contains(said, filepath.Join(dir, Latest)+" does not lead there: something else is there: remove it\n") {
		t.Errorf("%v\n%s", err, said)
	}
	if got := text(t, dir, "20260612T203000Z-load", AuditFile); got != "{audited}" {
		t.Errorf("got %s", got)
	}
	wantNothingBeside(t, dir)
}

func TestFolderName(t *testing.T) {
	t.Parallel()
	for want, run := range map[string]capacity.Run{
		"20260612T203000Z-e2e-load": {Name: "e2e-load", Began: new(began.In(time.FixedZone("", 7200)))},
		"20260612T203000Z-run":      {Began: &began},
		"load":                      {Name: "load"},
	} {
		if got := folderName(&run); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for given, want := range map[string]string{"e2e-load": "e2e-load", "täp test/..": "täp-test", "../../etc": "etc", "...": "", "a:b*c": "a-b-c"} {
		if got := Name(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}
