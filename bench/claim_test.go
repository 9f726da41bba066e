package main

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
)

func captured(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestClaims(t *testing.T) {
	fromVegeta := claim{taps: 100, p50: 0.394469, p95: 2.467488, p99: 8.437279}
	fromK6 := claim{taps: 6626, dropped: 13375, p50: 0.1136395, p95: 0.28708875, p99: 1.0503515}
	failed := fromK6
	failed.problems = []string{"checks has 19877 passes, not 19878"}
	tests := []struct {
		name   string
		read   func([]byte) (claim, error)
		output []byte
		want   claim
	}{
		{"wrk", readWrk, captured(t, "wrk.txt"), claim{taps: 114294}},
		{
			"wrk, with errors", readWrk, append(captured(t, "wrk.txt"),
				"  Socket errors: connect 0, read 3, write 0, timeout 0\n  Non-2xx or 3xx responses: 5\n"...),
			claim{taps: 114294, problems: []string{
				"Socket errors: connect 0, read 3, write 0, timeout 0", "Non-2xx or 3xx responses: 5",
			}},
		},
		{"vegeta", readVegeta, captured(t, "vegeta.json"), fromVegeta},
		{
			"vegeta, with errors", readVegeta,
			[]byte(`{"requests": 4, "success": 0.75, "errors": ["500 Internal Server Error"]}`),
			claim{taps: 4, problems: []string{"500 Internal Server Error", "75.00 % succeeded"}},
		},
		{"k6", readK6, captured(t, "k6.json"), fromK6},
		{
			"k6, with errors", readK6, bytes.ReplaceAll(captured(t, "k6.json"), []byte("19878"), []byte("19877")),
			failed,
		},
		{
			"k6, with a report", readK6,
			bytes.Replace(captured(t, "k6.json"), []byte("{"), []byte(`{"capacity": {"plateaus": [
				{"name": "2500", "status": "PASS", "dropped_iterations": 2, "metrics": [{"label": "redirect p95", "value": 99}]},
				{"name": "5000", "status": "GENERATOR", "dropped_iterations": 3, "metrics": [
					{"label": "redirect p50", "value": 40.5}, {"label": "redirect p95", "value": 41.5}, {"label": "redirect p99", "value": 42.5}]}
			]},`), 1),
			claim{taps: 6626, dropped: 5, p50: 40.5, p95: 41.5, p99: 42.5, notHeld: []string{"5000/s GENERATOR"}},
		},
		{"bandid", readK6, []byte(`{"metrics": {"calls_per_second": {"values": {"value": 50}}}}`), claim{calls: 50}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.read(test.output)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.problems) == 0 {
				got.problems = nil
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestNoClaim(t *testing.T) {
	for name, test := range map[string]struct {
		read   func([]byte) (claim, error)
		output string
		want   string
	}{
		"wrk":         {readWrk, "unable to connect to 127.0.0.1:1 Connection refused", "unable to connect"},
		"vegeta":      {readVegeta, "", "vegeta's report"},
		"k6":          {readK6, "", "k6's summary"},
		"k6, no taps": {readK6, `{"metrics": {}}`, "no tap"},
	} {
		if _, err := test.read([]byte(test.output)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, test.want)
		}
	}
}
