package main

import "testing"

func TestOthers(t *testing.T) {
	const before = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 100 800 0 0 0 0 0 0\ncpu1 0 0 0 1000 0 0 0 0 0 0\nintr 1\n"
	const after = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 150 0 150 800 0 0 0 0 0 0\ncpu1 20 0 20 1010 10 0 10 30 0 0\nintr 1\n"
	earlier, later := parseCores(before, 0, 1), parseCores(after, 0, 1)
	if want := (coreTime{total: 20, idle: 18}); earlier != want {
		t.Errorf("got %+v, want %+v", earlier, want)
	}
	// Of 2 s, 0.2 s were idle and 1.4 s ours.
	if got := later.others(earlier, 1.4); got < 0.199 || got > 0.201 {
		t.Errorf("got %g, want 0.2", got)
	}
	if got := later.others(earlier, 1.9); got != 0 {
		t.Errorf("got %g for more time of ours than there was, want 0", got)
	}
	if got := parseCores("", 0, 1).others(coreTime{}, 0); got != 0 {
		t.Errorf("got %g without /proc/stat, want 0", got)
	}
}
