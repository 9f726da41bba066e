package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.k6.io/k6/v2/cmd/state"
	"go.k6.io/k6/v2/lib/fsext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/seeding"
)

func bandsCommand(gs *state.GlobalState) *cobra.Command {
	b := seeding.Bands{Prefixes: seeding.Prefixes}
	var folder string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "bands",
		Short: "Write the files that seed a staging system with the load test's bands, and remove them",
		Long: `Writes bulk files for Cloudflare KV, and SQL and CSV for the database, that put the load test's bands into a staging system,
and files that take them out again, with their taps and counters. Only bands that begin with ` + seeding.Prefix + ` are ever removed.
The events must exist, belong to one organization, and be used by nothing but the load test. This command sends nothing. To seed the bands:

  for f in bands/kv-put-*.json; do npx wrangler kv bulk put "$f" --remote --namespace-id "$NAMESPACE"; done
  psql "$DATABASE_URL" -f bands/seed.sql

To remove them:

  for f in bands/kv-delete-*.json; do npx wrangler kv bulk delete "$f" --force --remote --namespace-id "$NAMESPACE"; done
  psql "$DATABASE_URL" -f bands/clean-up.sql
  REDIS_URL=rediss://… sh bands/clean-up-redis.sh`,
		Example: "  k6 x sparkmotion bands --org-slug loadtest-org --events nashville-id,dallas-id,denver-id --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := b.Check(); err != nil {
				return err
			}
			if err := writeSeed(gs, folder, b.Sets(), dryRun); err != nil {
				return err
			}
			_, err := fmt.Fprintln(gs.Stdout, b.Writes())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.OrgSlug, "org-slug", "", "the slug of the events' organization: the first label of its subdomain")
	flags.StringSliceVar(&b.Events, "events", nil, "the IDs of the three events, for bands LOADTEST-E1-, E2- and E3-")
	flags.StringSliceVar(&b.Windows, "window-ids", nil, "the IDs of the events' live windows, in the same order; null when left out")
	flags.IntVar(&b.Count, "count", 200_000, "bands of each event")
	flags.StringVar(&b.URL, "url", "https://compassion.com/live", "the page that the bands lead to")
	flags.StringVar(&b.Mode, "mode", "live", "the mode of the events")
	flags.StringVar(&folder, "out", "bands", "the folder to write to")
	flags.BoolVar(&dryRun, "dry-run", false, "show what would be written, and write nothing")
	return cmd
}

// writeSeed writes the files, or says what it would write.
func writeSeed(gs *state.GlobalState, folder string, sets []seeding.Set, dryRun bool) error {
	if !dryRun {
		if err := gs.FS.MkdirAll(folder, 0o750); err != nil {
			return err
		}
		if err := unmixed(gs, folder, sets); err != nil {
			return err
		}
	}
	for _, set := range sets {
		if !dryRun {
			if err := writeFiles(gs, folder, set.Files); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(gs.Stdout, "%s  %s\n", filepath.Join(folder, set.Names()), set.Holds); err != nil {
			return err
		}
	}
	if dryRun {
		_, err := fmt.Fprintln(gs.Stdout, "A dry run: nothing was written.")
		return err
	}
	return nil
}

// unmixed refuses a folder that keeps bulk files of a larger seed: who puts kv-put-*.json would put those bands too.
func unmixed(gs *state.GlobalState, folder string, sets []seeding.Set) error {
	there, err := fsext.ReadDir(gs.FS, folder)
	if err != nil {
		return err
	}
	for _, entry := range there {
		own := slices.ContainsFunc(sets, func(s seeding.Set) bool { return s.Has(entry.Name()) })
		if strings.HasPrefix(entry.Name(), "kv-") && !own {
			return fmt.Errorf("%s belongs to another seed, and would be taken for part of this one: remove it, or choose another folder with --out",
				filepath.Join(folder, entry.Name()))
		}
	}
	return nil
}

func writeFiles(gs *state.GlobalState, folder string, files []seeding.File) error {
	for _, f := range files {
		if err := writeFile(gs, filepath.Join(folder, f.Name), f); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(gs *state.GlobalState, path string, f seeding.File) error {
	file, err := gs.FS.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := f.Write(file); err != nil {
		_ = file.Close() // the write's error is the one to tell
		return err
	}
	return file.Close()
}
