package integration

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
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
	tw := startTwin(t)
	for _, file := range []string{"../README.md", "../docs/primitives.md"} {
		sections := strings.Split("\n"+read(t, file), "\n## ")
		for _, section := range sections {
			title, _, _ := strings.Cut(section, "\n")
			for _, block := range jsBlock.FindAllStringSubmatch(section, -1) {
				t.Run(title, func(t *testing.T) {
					r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json", "-e", "HOLD=1s", script(t, whole(block[1])))
					r.wants(0)
					if strings.Contains(r.output, "level=error") || len(r.samples("iterations")) == 0 {
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

// TestEveryPrimitiveIsDocumented: an example of each in docs/primitives.md, a line in README's table.
func TestEveryPrimitiveIsDocumented(t *testing.T) {
	t.Parallel()
	guide, readme := read(t, "../docs/primitives.md"), read(t, "../README.md")
	var examples strings.Builder
	for _, block := range jsBlock.FindAllStringSubmatch(guide, -1) {
		examples.WriteString(imports.ReplaceAllString(block[1], ""))
	}
	found := declares.FindAllStringSubmatch(read(t, "../xk6-sparkmotion/index.d.ts"), -1)
	for _, one := range found {
		if !regexp.MustCompile(`\b` + one[1] + `\b`).MatchString(examples.String()) {
			t.Errorf("docs/primitives.md has no example of %s", one[1])
		}
		if !strings.Contains(readme, "| [`"+one[1]+"`](docs/primitives.md#") {
			t.Errorf("README's table lacks %s", one[1])
		}
	}
	if len(found) < 13 {
		t.Errorf("index.d.ts exports %d", len(found))
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
