package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
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

func mergeCommand(gs *state.GlobalState) *cobra.Command {
	folder := report.Folder
	cmd := &cobra.Command{
		Use:   "merge SUMMARY...",
		Short: "Merge the summaries of one run's processes into one verdict",
		Long: `Merges the summaries, or folders, that report() left in each process of a run split by --execution-segment, and writes the
same files as a run in one process. Percentiles come from all histograms together. k6's own metrics are not merged,
because summaries have only their percentiles. It exits as k6 does: 99 when a limit of the whole run fails.`,
		Example: "  k6 x sparkmotion merge results/distributed/*/results/e2e-load-summary.json",
		Args:    summaries(1, math.MaxInt),
		RunE: func(_ *cobra.Command, files []string) error {
			if err := keepsInputs(gs.FS, folder, files); err != nil {
				return err
			}
			parts := make([]capacity.Part, len(files))
			for i, file := range files {
				r, err := readReport(gs.FS, file)
				if err != nil {
					return err
				}
				parts[i] = capacity.Part{Name: file, Report: r}
			}
			merged, err := capacity.Merge(parts)
			if err != nil {
				return err
			}
			return leaveMerged(gs, folder, merged)
		},
	}
	cmd.Flags().StringVar(&folder, "out", folder, "the folder for the merged report")
	return cmd
}

// keepsInputs refuses a folder in which the merged summary would take the place of one that is merged, with k6's metrics in it.
func keepsInputs(all fsext.Fs, folder string, files []string) error {
	out := filepath.Join(folder, report.SummaryFile)
	at, err := all.Stat(out)
	if err != nil {
		return nil //nolint:nilerr // nothing is there, or it can't be read as an input either
	}
	for _, file := range files {
		if from, err := all.Stat(summaryIn(all, file)); err == nil && os.SameFile(at, from) {
			return fmt.Errorf("%s is to be merged, and the merged summary would take its place: choose another folder with --out", out)
		}
	}
	return nil
}

// leaveMerged writes and prints a merged report, and fails as k6 would by its thresholds.
func leaveMerged(gs *state.GlobalState, folder string, merged *capacity.Report) error {
	summary, err := json.Marshal(map[string]any{"capacity": merged})
	if err != nil {
		return err
	}
	said, err := report.Write(folder, summary, nil, merged, gs.Stdout.IsTTY && !gs.Flags.NoColor)
	if _, unsaid := fmt.Fprint(gs.Stdout, said); err != nil || unsaid != nil {
		return errors.Join(err, unsaid)
	}
	if crossed := merged.Crossed(); len(crossed) > 0 {
		err := fmt.Errorf("thresholds on metrics '%s' have been crossed", strings.Join(crossed, ", "))
		return errext.WithExitCodeIfNone(err, exitcodes.ThresholdsHaveFailed)
	}
	return nil
}
