package test

import (
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// TestSearchRefuses: where a search can't be led, or its taps be made, it says what to change.
func TestSearchRefuses(t *testing.T) {
	t.Parallel()
	env := map[string]string{"WORKER_URL": "http://127.0.0.1:1"}
	for _, c := range []struct {
		script *vutest.Script
		call   string
		says   string
	}{
		{newProcess(t, env).Start(1), `probeTaps()`, "call it from a scenario with an arrival rate"},
		{newProcess(t, env).Init(), `findCapacity()`, "call it from a scenario with one virtual user and one iteration"},
		{newProcess(t, env).Start(1), `findCapacity()`, "call it from a scenario with one virtual user and one iteration"},
		{inScenario(newProcess(t, env).Start(1), 50), `findCapacity({ start: 200, most: 100 })`, "option start is the first rate"},
		{inScenario(newProcess(t, env).Start(1), 50), `findCapacity({ hold: 0 })`, "hold"},
	} {
		if said := c.script.Fails("sm." + c.call); !strings.Contains(said, c.says) {
			t.Errorf("%s: %s", c.call, said)
		}
	}
}

// TestProbeTapsWithoutASearch: none is asked for.
func TestProbeTapsWithoutASearch(t *testing.T) {
	t.Parallel()
	s := inScenario(newProcess(t, map[string]string{"WORKER_URL": "http://127.0.0.1:1"}).Start(1), 50)
	if made := s.Show("sm.probeTaps()"); made != "0" {
		t.Errorf("made %s", made)
	}
}
