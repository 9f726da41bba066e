package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	questions, ask := io.Pipe()
	answer, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveTarget(questions, answers) }()
	read := bufio.NewReader(answer)
	address, err := read.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var client http.Transport
	defer client.CloseIdleConnections()
	for range 3 {
		req, _ := http.NewRequest(http.MethodGet, "http://"+strings.TrimSpace(address)+"/e?bandId=LOADTEST-E1-000001", nil)
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != page {
			t.Errorf("got %d to %q, want 302 to %s", resp.StatusCode, resp.Header.Get("Location"), page)
		}
	}
	for _, want := range []int{3, 0} {
		_, _ = io.WriteString(ask, "\n")
		line, _ := read.ReadBytes('\n')
		var served Served
		if err := json.Unmarshal(line, &served); err != nil || served.Requests != want {
			t.Errorf("got %s (%v), want %d requests", line, err, want)
		}
	}
	_ = ask.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
