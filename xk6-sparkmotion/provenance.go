package sparkmotion

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/ext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
)

// run is what tells this run from another. Of WORKER_URL it is the host alone: the rest may hold a password.
func (m *module) run(data *sobek.Object, o reportOptions) capacity.Run {
	took := tookOf(data)
	began := time.Now().Add(-took).Round(time.Millisecond)
	run := capacity.Run{
		Title: o.Title, Label: m.settings.Environment("LABEL"), Script: scriptOf(m.folder, os.Args[1:]), Began: &began, Seconds: took.Seconds(),
		Scale: m.factor("SCALE"), TimeScale: m.factor("TIME_SCALE"), K6: version("go.k6.io/k6/v2"),
	}
	run.Name = cmp.Or(o.Name, report.Name(strings.TrimSuffix(run.Script, filepath.Ext(run.Script))))
	if worker, err := url.Parse(m.settings.Environment("WORKER_URL")); err == nil {
		run.Host = worker.Host
	}
	if this, ok := ext.Get(ext.JSExtension)[importPath]; ok {
		run.Extension = this.Version
	}
	return run
}

// tookOf is how long the run took, by k6's data.
func tookOf(data *sobek.Object) time.Duration {
	if ms := k6Data(data, "state", "testRunDurationMs"); ms != nil {
		return time.Duration(ms.ToFloat() * float64(time.Millisecond))
	}
	if s := k6Data(data, "config", "duration"); s != nil { // of --new-machine-readable-summary
		return time.Duration(s.ToFloat() * float64(time.Second))
	}
	return 0
}

// factor is a setting that is a number; 0 when it is none.
func (m *module) factor(name string) float64 {
	factor, err := strconv.ParseFloat(m.settings.Environment(name), 64)
	if err != nil {
		return 0
	}
	return factor
}

// version is that of a module in this program; empty in a program that is built without modules.
func version(module string) string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	i := slices.IndexFunc(build.Deps, func(dep *debug.Module) bool { return dep.Path == module })
	if i < 0 {
		return ""
	}
	return build.Deps[i].Version
}

// scriptOf finds the script's file name among k6's arguments: k6 tells extensions the folder that it is in, and no more. It is empty where
// none fits, as when k6 reads the script from its standard input.
func scriptOf(folder *url.URL, args []string) string {
	found := ""
	for _, arg := range args {
		path, err := filepath.Abs(arg)
		if err != nil {
			continue
		}
		ending := filepath.Ext(path)
		here := folder != nil && filepath.ToSlash(filepath.Dir(path)) == strings.TrimSuffix(folder.Path, "/")
		if file, err := os.Stat(path); err == nil && file.Mode().IsRegular() && (ending == ".tar" || here && slices.Contains(scripts, ending)) { // #nosec G703 -- k6's own argument: whether it is a file
			found = filepath.Base(path)
		}
	}
	return found
}

// scripts are the endings of what k6 runs, but for an archive, which has its own folder inside.
var scripts = []string{".js", ".ts", ".mjs", ".cjs", ".mts", ".cts"}
