package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Where a report's files are, below the folder that k6 runs in.
const (
	Folder       = "results"
	SummaryFile  = "e2e-load-summary.json"
	PageFile     = "e2e-load-report.html"
	MarkdownFile = "e2e-load-report.md"
)

// Write leaves a report's files in a folder, and returns what is for the terminal, also when a file can't be written. The
// summary is JSON that has the report as capacity.
func Write(folder string, summary []byte, r *capacity.Report, run Run, colours bool) (string, error) {
	var file, page, markdown, terminal bytes.Buffer
	err := errors.Join(
		json.Indent(&file, summary, "", "  "),
		HTML(&page, r, run),
		Markdown(&markdown, r, run),
		Terminal(&terminal, r, run, colours),
	)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return terminal.String(), err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, SummaryFile), file.Bytes(), 0o600),
		os.WriteFile(filepath.Join(folder, PageFile), page.Bytes(), 0o600),
		os.WriteFile(filepath.Join(folder, MarkdownFile), markdown.Bytes(), 0o600),
	)
	if err == nil {
		fmt.Fprintf(&terminal, "\nThe report: %s, %s; all data: %s\n", filepath.Join(folder, PageFile), MarkdownFile, SummaryFile)
	}
	return terminal.String(), err
}
