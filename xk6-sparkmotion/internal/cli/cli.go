// Package cli has the commands of k6 x sparkmotion: what is done before a run, and with runs that are over.
package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.k6.io/k6/v2/cmd/state"
	"go.k6.io/k6/v2/errext"
	"go.k6.io/k6/v2/errext/exitcodes"
	"go.k6.io/k6/v2/lib/fsext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
)

// Command returns k6 x sparkmotion.
func Command(gs *state.GlobalState) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sparkmotion",
		Short: "Seed a system for SparkMotion load tests, and work with their results",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(bandsCommand(gs), compareCommand(gs), mergeCommand(gs), trendCommand(gs))
	return cmd
}

func compareCommand(gs *state.GlobalState) *cobra.Command {
	var asJSON, failOnWorse bool
	cmd := &cobra.Command{
		Use:   "compare BEFORE AFTER",
		Short: "Show what got better or worse between two runs, beyond noise",
		Long: `Compares two runs, such as before and after a fix, plateau by plateau. BEFORE and AFTER are what report() left as
results/e2e-load-summary.json, or a run's folder. A change counts when it is beyond noise, judged by how much each run
varied, and large enough to matter.`,
		Example: "  k6 x sparkmotion compare results/before.json results/e2e-load-summary.json",
		Args:    summaries(2, 2),
		RunE: func(_ *cobra.Command, files []string) error {
			before, err := readReport(gs.FS, files[0])
			if err != nil {
				return err
			}
			after, err := readReport(gs.FS, files[1])
			if err != nil {
				return err
			}
			compared := capacity.Compare(before, after)
			if err := show(gs, compared, asJSON); err != nil {
				return err
			}
			if worse := compared.Worse(); failOnWorse && len(worse) > 0 {
				return errext.WithExitCodeIfNone(errors.New("worse: "+strings.Join(worse, ", ")), exitcodes.ThresholdsHaveFailed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	cmd.Flags().BoolVar(&failOnWorse, "fail-on-worse", false, "exit 99, as k6 does when a threshold is crossed, if anything got worse beyond noise")
	return cmd
}

// show prints a comparison.
func show(gs *state.GlobalState, compared *capacity.Comparison, asJSON bool) error {
	if !asJSON {
		return report.Comparison(gs.Stdout, compared, gs.Stdout.IsTTY && !gs.Flags.NoColor)
	}
	encoder := json.NewEncoder(gs.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(compared)
}

// readReport reads a summary, or that in a run's folder.
func readReport(files fsext.Fs, file string) (*capacity.Report, error) {
	file = summaryIn(files, file)
	text, err := fsext.ReadFile(files, file)
	if err != nil {
		return nil, unread(file, err)
	}
	r, err := capacity.Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// summaryIn returns the file of a summary that is given by itself, or by a run's folder.
func summaryIn(files fsext.Fs, given string) string {
	if folder, err := fsext.IsDir(files, given); err == nil && folder {
		return filepath.Join(given, report.SummaryFile)
	}
	return given
}

// unread is the error about a file or folder that can't be read.
func unread(name string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err // it names the call and the file
	}
	return fmt.Errorf("%s can't be read: %w. Runs leave their summaries in %s, and in folders of their own beside it",
		name, err, filepath.Join(report.Folder, report.SummaryFile))
}

// summaries accepts so many files as arguments.
func summaries(least, most int) cobra.PositionalArgs {
	return arguments(least, most, "the summaries that runs leave in "+filepath.Join(report.Folder, report.SummaryFile))
}

// arguments accepts so many arguments, and says what they are.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) < least || len(given) > most {
			return fmt.Errorf("%s takes %s: got %d. Usage: k6 x sparkmotion %s", cmd.Name(), what, len(given), cmd.Use)
		}
		return nil
	}
}
