package main

import (
	"os"
	"strings"
)

// renewTable replaces what is between the markers of a file, <!-- name --> and <!-- /name -->; one without them is left alone.
func renewTable(path, name, markdown string) error {
	old, err := os.ReadFile(path) // #nosec G304 -- README.md
	if err != nil {
		return err
	}
	renewed := replaceBetween(string(old), "<!-- "+name+" -->", "<!-- /"+name+" -->", "\n"+markdown)
	if renewed == string(old) {
		return nil
	}
	return os.WriteFile(path, []byte(renewed), 0o644) // #nosec G306 G703 -- for all to read
}

// replaceBetween puts a new text between the first start and the end that follows it; without both, all stays.
func replaceBetween(text, start, end, between string) string {
	head, rest, ok := strings.Cut(text, start)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return text
	}
	return head + start + between + end + after
}
