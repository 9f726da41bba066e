package integration

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	symptom  = regexp.MustCompile("(?m)^\\| `([^|]*)` ")
	jsBlock  = regexp.MustCompile("(?ms)^```js\n(.*?)^```$")
	imports  = regexp.MustCompile(`(?m)^import .*\n`)
	declares = regexp.MustCompile(`(?m)^  export (?:function|class) (\w+)`)
	promised = regexp.MustCompile("(?s)\nMetrics: (.*?)\n\n")
	metric   = regexp.MustCompile("`([a-z_]+)`")
)

// TestExamples runs every JavaScript example of the documentation: none throws, and each primitive's emits the metrics that
// its section promises.
func TestExamples(t *testing.T) {
	t.Parallel()
	tw := startTwin(t, "-bands", "200000") // examples name bands
	tw.env["DIRECT_URL"] = tw.env["WORKER_URL"]
	for _, file := range []string{"../README.md", "../docs/primitives.md"} {
		sections := strings.Split("\n"+read(t, file), "\n## ")
		for _, section := range sections {
			title, _, _ := strings.Cut(section, "\n")
			for _, block := range jsBlock.FindAllStringSubmatch(section, -1) {
				t.Run(title, func(t *testing.T) {
					t.Parallel()
					tw := tw
					if title == "reconcile" { // the others' taps would hide what it lost
						tw = startTwin(t)
					}
					r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json", "-e", "HOLD=1s", "-e", "TIME=40s", script(t, whole(block[1])))
					r.wantsHeld()
					if len(r.errors()) > 0 || len(r.samples("iterations")) == 0 {
						t.Errorf("%s\n%s", block[1], r.output)
					}
					if said := promised.FindStringSubmatch(section); said != nil {
						r.emits(said[1])
					}
				})
			}
		}
	}
}

// TestSymptoms: docs/troubleshooting.md quotes, of what goes wrong, what users really see: our words or k6's.
func TestSymptoms(t *testing.T) {
	t.Parallel()
	k6, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.k6.io/k6/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, row := range symptom.FindAllStringSubmatch(read(t, "../docs/troubleshooting.md"), -1) {
		for _, quoted := range strings.Split(row[1], "`, `") {
			missing[quoted] = true
		}
	}
	if len(missing) == 0 {
		t.Fatal("the table quotes nothing")
	}
	for _, root := range []string{"../xk6-sparkmotion", strings.TrimSpace(string(k6))} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") && filepath.Ext(path) != ".txt" {
				return err
			}
			text := read(t, path)
			maps.DeleteFunc(missing, func(quoted string, _ bool) bool { return strings.Contains(text, quoted) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for quoted := range missing {
		t.Errorf("nobody says %q", quoted)
	}
}

// whole makes a script of an example that is the inside of the default function.
func whole(example string) string {
	if strings.Contains(example, "export ") {
		return example
	}
	return fmt.Sprintf("%s\nexport default function () {\n%s}\n",
		strings.Join(imports.FindAllString(example, -1), ""), imports.ReplaceAllString(example, ""))
}

// emits wants samples of each metric in a section's sentence about them, but the generator's, which come with time.
func (r run) emits(sentence string) {
	r.t.Helper()
	for _, found := range metric.FindAllStringSubmatch(sentence, -1) {
		if name := found[1]; !strings.HasPrefix(name, "generator_") && len(r.samples(name)) == 0 {
			r.t.Errorf("it emits no %s", name)
		}
	}
}

// TestEveryPrimitiveIsDocumented: an example of each in docs/primitives.md, a line in its table.
func TestEveryPrimitiveIsDocumented(t *testing.T) {
	t.Parallel()
	guide := read(t, "../docs/primitives.md")
	var examples strings.Builder
	for _, block := range jsBlock.FindAllStringSubmatch(guide, -1) {
		examples.WriteString(imports.ReplaceAllString(block[1], ""))
	}
	found := declares.FindAllStringSubmatch(read(t, "../xk6-sparkmotion/index.d.ts"), -1)
	for _, one := range found {
		if !regexp.MustCompile(`\b` + one[1] + `\b`).MatchString(examples.String()) {
			t.Errorf("docs/primitives.md has no example of %s", one[1])
		}
		if !strings.Contains(guide, "| [`"+one[1]+"`](#") {
			t.Errorf("the table of docs/primitives.md lacks %s", one[1])
		}
	}
	if len(found) < 13 {
		t.Errorf("index.d.ts exports %d", len(found))
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^):\s]*)\)`) // within the project
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks: what a document links to within the project is there, its heading too.
func TestLinks(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	links := 0
	for _, file := range files {
		for _, found := range link.FindAllStringSubmatch(read(t, file), -1) {
			links++
			path, anchor, _ := strings.Cut(found[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", file, found[1], err)
			} else if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s links to %s: it has no such heading", file, found[1])
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links in %d files", links, len(files))
	}
}

// anchors are what GitHub calls a document's headings.
func anchors(text string) map[string]bool {
	is := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(text, -1) {
		is[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-")] = true
	}
	return is
}

// TestReadmeIsShort: what a new user reads fits in a few minutes.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if words := len(strings.Fields(read(t, "../README.md"))); words > 900 {
		t.Errorf("README.md has %d words, more than 900", words)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
