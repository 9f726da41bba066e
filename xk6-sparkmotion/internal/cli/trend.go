package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.k6.io/k6/v2/cmd/state"
	"go.k6.io/k6/v2/lib/fsext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
)

func trendCommand(gs *state.GlobalState) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trend FOLDER",
		Short: "Show many runs, oldest first: what each held, p95 by rate, loss, drain",
		Long: `Reads the summaries that runs left in FOLDER and its subfolders, prints a table of
them, and writes ` + report.TrendFile + ` into FOLDER. Other files are named, and skipped.`,
		Example: "  k6 x sparkmotion trend results/",
		Args:    arguments(1, 1, "a folder with the folders or summaries of runs, such as "+report.Folder+"/"),
		RunE: func(_ *cobra.Command, args []string) error {
			found, err := runsIn(gs.FS, args[0])
			if err != nil {
				return err
			}
			if len(found.reports) == 0 {
				return fmt.Errorf("%s has no summary of a run, such as report() leaves in %s: %s", args[0], report.Folder, found.why())
			}
			return found.show(gs, args[0], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the runs as JSON, and write no page")
	return cmd
}

// pastRuns are the runs in a folder, by the names of their files, and what else is there.
type pastRuns struct {
	reports map[string]*capacity.Report
	skipped []report.Skipped
	seen    map[string]string // the files, by what is in them
}

// runsIn reads the summaries in a folder, and in the folders in it. The file of the last run is a copy of one of those.
func runsIn(files fsext.Fs, folder string) (*pastRuns, error) {
	entries, err := fsext.ReadDir(files, folder)
	if err != nil {
		return nil, unread(folder, err)
	}
	found := &pastRuns{reports: make(map[string]*capacity.Report), seen: make(map[string]string)}
	var beside []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == report.Latest && entry.Mode()&fs.ModeSymlink != 0:
		case entry.IsDir():
			found.add(files, folder, filepath.Join(name, report.SummaryFile))
		case strings.HasSuffix(name, ".schema.json"): // of summaries, beside the last run's
		case filepath.Ext(name) == ".json":
			beside = append(beside, name)
		}
	}
	for _, name := range beside {
		found.add(files, folder, name)
	}
	return found, nil
}

// add reads a summary, or keeps why it is none.
func (f *pastRuns) add(files fsext.Fs, folder, name string) {
	skip := func(why string) { f.skipped = append(f.skipped, report.Skipped{File: name, Why: why}) }
	text, err := fsext.ReadFile(files, filepath.Join(folder, name))
	if err != nil {
		skip(err.Error())
		return
	}
	if known, ok := f.seen[string(text)]; ok {
		if name != report.SummaryFile { // the last run's, which is there to be read by that name
			skip("the same run as " + known)
		}
		return
	}
	r, err := capacity.Read(bytes.NewReader(text))
	switch {
	case err != nil:
		skip(err.Error())
	case len(r.Processes) == 1 && r.Processes[0].Segment != "0:1" && r.Processes[0].Segment != "":
		skip("the part " + r.Processes[0].Segment + " of a run: merge its parts with k6 x sparkmotion merge")
	default:
		f.reports[name], f.seen[string(text)] = r, name
	}
}

func (f *pastRuns) why() string {
	if len(f.skipped) == 0 {
		return "it has no JSON files"
	}
	var said []string
	for _, s := range f.skipped {
		said = append(said, s.File+": "+s.Why)
	}
	return strings.Join(said, "; ")
}

// show prints the runs, and leaves their page in the folder.
func (f *pastRuns) show(gs *state.GlobalState, folder string, asJSON bool) error {
	trend := capacity.TrendOf(f.reports)
	if asJSON {
		encoder := json.NewEncoder(gs.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			*capacity.Trend
			Skipped []report.Skipped `json:"skipped"`
		}{trend, append([]report.Skipped{}, f.skipped...)})
	}
	var page bytes.Buffer
	if err := report.TrendHTML(&page, trend, f.skipped); err != nil {
		return err
	}
	if err := report.TrendTable(gs.Stdout, trend, f.skipped, gs.Stdout.IsTTY && !gs.Flags.NoColor); err != nil {
		return err
	}
	file := filepath.Join(folder, report.TrendFile)
	if err := report.WriteFile(file, page.Bytes()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(gs.Stdout, "The page: %s\n", file)
	return err
}
