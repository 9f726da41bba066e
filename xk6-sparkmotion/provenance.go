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

// run returns what identifies this run. Of WORKER_URL it has only the host, because the rest may hold a password.
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

// tookOf returns how long the run took, by k6's data.
func tookOf(data *sobek.Object) time.Duration {
	if ms := k6Data(data, "state", "testRunDurationMs"); ms != nil {
		return time.Duration(ms.ToFloat() * float64(time.Millisecond))
	}
	if s := k6Data(data, "config", "duration"); s != nil { // of --new-machine-readable-summary
		return time.Duration(s.ToFloat() * float64(time.Second))
	}
	return 0
}

// factor returns a setting that is a number, or 0 if it is not one.
func (m *module) factor(name string) float64 {
	factor, err := strconv.ParseFloat(m.settings.Environment(name), 64)
	if err != nil {
		return 0
	}
	return factor
}

// version returns the version of a module in this program, or "" in a program built without modules.
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

// scriptOf finds the script's file name among k6's arguments, because k6 tells extensions only its folder. It returns "" if none fits, such as
// when k6 reads the script from its standard input.
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

// scripts are the file extensions that k6 runs, except that of an archive, which has its own folder inside.
var scripts = []string{".js", ".ts", ".mjs", ".cjs", ".mts", ".cts"}
