package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder holds the files of one seed: the same one again is written over, a smaller one is not mixed with it.
func TestBandsCommandKeepsSeedsApart(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	seed := func(count string) error {
		_, err := runCommand(false, false, "bands", "--org-slug", "org", "--events", "a,b,c", "--out", out, "--count", count)
		return err
	}
	for _, count := range []string{"4000", "4000"} {
		if err := seed(count); err != nil {
			t.Error(err)
		}
	}
	if err := seed("10"); err == nil || !strings.HasPrefix(err.Error(), filepath.Join(out, "kv-delete-002.json")+" belongs to another seed") {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(out, "bands.csv")); err != nil || strings.Count(string(text), "\n") != 12_001 {
		t.Errorf("the first seed is no longer whole: %v", err)
	}
}
