package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Names of a report's files. Folder is below the folder that k6 runs in. It has the files of the last run, and a folder for each run;
// Latest is a link to the last of these.
const (
	Folder       = "results"
	SummaryFile  = "e2e-load-summary.json"
	PageFile     = "e2e-load-report.html"
	MarkdownFile = "e2e-load-report.md"
	JUnitFile    = "e2e-load-report.xml"
	AuditFile    = "audit.json"
	Latest       = "latest"
)

// file is a file of a report.
type file struct {
	name string
	text []byte
}

// Write writes a report's files to a folder, and returns the text for the terminal, even if a file can't be written. The summary is JSON
// with the report as capacity; audited is what an audit found, or nil.
func Write(folder string, summary, audited []byte, r *capacity.Report, colours bool) (string, error) {
	var indented, page, markdown, cases, terminal bytes.Buffer
	err := errors.Join(
		json.Indent(&indented, summary, "", "  "), HTML(&page, r), Markdown(&markdown, r), JUnit(&cases, r), Terminal(&terminal, r, colours),
	)
	if err != nil {
		return "", err
	}
	files := []file{{SummaryFile, indented.Bytes()}, {PageFile, page.Bytes()}, {MarkdownFile, markdown.Bytes()}, {JUnitFile, cases.Bytes()}}
	own := files
	if audited != nil {
		own = append(own, file{AuditFile, audited}) // the audit has already left it beside the others
	}
	kept, err := keep(folder, folderName(&r.Run), own)
	if err != nil {
		return terminal.String(), err
	}
	for _, f := range files {
		if err := WriteFile(filepath.Join(folder, f.name), f.text); err != nil {
			return terminal.String(), err
		}
	}
	fmt.Fprintf(&terminal, "\nThe report: %s, %s; all data: %s\n", filepath.Join(folder, PageFile), MarkdownFile, SummaryFile)
	fmt.Fprintf(&terminal, "The same files stay in %s\n", filepath.Join(folder, kept)+string(filepath.Separator))
	if err := lead(folder, kept); err != nil {
		fmt.Fprintf(&terminal, "%s does not lead there: %v\n", filepath.Join(folder, Latest), err)
	}
	return terminal.String(), nil
}

// folderName returns a run's folder name: when it began, so that names sort by time, and the run's name.
func folderName(run *capacity.Run) string {
	name := run.Name
	if name == "" {
		name = "run"
	}
	if run.Began == nil {
		return name
	}
	return run.Began.UTC().Format("20060102T150405Z") + "-" + name
}

var noName = regexp.MustCompile(`[^\pL\pN._-]+`)

// Name turns a text into a folder name that any system allows.
func Name(text string) string { return strings.Trim(noName.ReplaceAllString(text, "-"), ".-") }

// keep writes files to a new folder inside another, all or none, and returns its name: the wanted one, with a number if another run has it.
func keep(folder, wanted string, files []file) (name string, err error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(folder, ".writing-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(made)) }() // after a success there is nothing to remove
	if err := os.Chmod(made, 0o750); err != nil {                 // #nosec G302 -- as its parent
		return "", err
	}
	for _, f := range files {
		if err := WriteFile(filepath.Join(made, f.name), f.text); err != nil {
			return "", err
		}
	}
	name = wanted
	for n := 2; ; n++ {
		err := os.Rename(made, filepath.Join(folder, name))
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
		name = fmt.Sprintf("%s-%d", wanted, n)
	}
}

// lead makes Latest a link to a run's folder.
func lead(folder, name string) error {
	latest := filepath.Join(folder, Latest)
	if at, err := os.Lstat(latest); err == nil && at.Mode()&fs.ModeSymlink == 0 {
		return errors.New("something else is there: remove it")
	}
	made := filepath.Join(folder, ".latest-"+name)
	if err := os.Symlink(name, made); err != nil {
		return err
	}
	if err := os.Rename(made, latest); err != nil {
		return errors.Join(err, os.Remove(made))
	}
	return nil
}

// WriteFile writes a file under another name and then renames it, so that a reader finds either all of it or all of the previous one.
func WriteFile(path string, text []byte) (err error) {
	made, err := os.CreateTemp(filepath.Dir(path), ".writing-")
	if err != nil {
		return err
	}
	_, err = made.Write(text)
	if err = errors.Join(err, made.Sync(), made.Close()); err == nil {
		err = os.Rename(made.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(made.Name()))
	}
	return nil
}
