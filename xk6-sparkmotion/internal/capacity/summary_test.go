package capacity

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaFile = "../../../results/e2e-load-summary.schema.json"
	// examples are summaries of two runs, before and after a change for the worse, for the tests of other packages.
	examples = "../../../integration/testdata"
)

var update = flag.Bool("update", false, "write the examples in integration/testdata")

// summary returns a run's whole file.
func summary(t *testing.T, r *Report) []byte {
	t.Helper()
	text, err := json.MarshalIndent(map[string]any{
		"metrics": map[string]any{
			"redirect_latency": map[string]any{
				"type": "trend", "contains": "time", "values": map[string]any{"p(95)": 12.5},
				"thresholds": map[string]any{"p(95)<100": map[string]any{"ok": true}},
			},
		},
		"root_group": map[string]any{"name": "", "path": "", "id": "d41d8cd98f00b204e9800998ecf8427e", "groups": []any{}, "checks": []any{
			map[string]any{"name": "status is 302", "path": "::status is 302", "id": "9ef4", "passes": r.Whole.Redirected, "fails": 0},
		}},
		"options":  map[string]any{"summaryTrendStats": []string{"p(95)"}, "summaryTimeUnit": "", "noColor": false},
		"state":    map[string]any{"isStdOutTTY": false, "isStdErrTTY": false, "testRunDurationMs": 240_000},
		"capacity": r,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// The examples are what simulated runs produce, and match the schema.
func TestExamples(t *testing.T) {
	t.Parallel()
	worse := growing100
	worse.median, worse.errors, worse.drained = 1.3*worse.median, 0.02, 40
	for name, r := range map[string]*Report{
		"before.json": simulate(1, system{rate: 50, seconds: 120, median: 5}, system{rate: 100, seconds: 120, median: 5}),
		"after.json":  simulate(2, system{rate: 50, seconds: 120, median: 5}, worse),
	} {
		file := filepath.Join(examples, name)
		if *update {
			if err := os.MkdirAll(examples, 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, summary(t, r), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wantValid(t, text)
		read, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if string(summary(t, read)) != string(summary(t, r)) { // not the bytes of the file: another version of Go compresses differently
			t.Errorf("%s is out of date: go test ./xk6-sparkmotion/internal/capacity -run Examples -update", file)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "not a run's summary in JSON: EOF",
		"k6 says":                    "not a run's summary in JSON: invalid character 'k' looking for beginning of value",
		`{"metrics":{}}`:             "it has no capacity: ",
		`{"capacity":null}`:          "it has no capacity: ",
		`{"capacity":[]}`:            "its capacity is not a report: ",
		`{"capacity":{"status":""}}`: "its capacity has schema 0, and this k6 reads 3: make both files with the same k6",
		`{"capacity":{"schema":1}}`:  "its capacity has schema 1, and this k6 reads 3: make both files with the same k6",
		`{"capacity":{"schema":3,"sustained_rate":"many"}}`:                        "its capacity is not a report: ",
		`{"capacity":{"schema":3,"counts":{"generator_lag_histogram":"nothing"}}}`: "its capacity is not a report: not an HdrHistogram: ",
		`{"capacity":{"schema":3,"plateaus":[{"rate":5,"seconds":0}]}}`:            "its capacity is not a report: it has a plateau without",
		`{"capacity":{"schema":3,"plateaus":[{"rate":0,"seconds":5}]}}`:            "its capacity is not a report: it has a plateau without",
		`{"capacity":{"schema":3,"scenarios":{"a":{"plateaus":[{"rate":1}]}}}}`:    "its capacity is not a report: it has a plateau without",
		`{"capacity":{"schema":3,"series":{"step_seconds":0,"achieved":[1]}}}`:     "its capacity is not a report: it has a plateau without",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// Whatever a Recorder has seen, its report matches the schema.
func TestReportHoldsToSchema(t *testing.T) {
	t.Parallel()
	var scaled []seen
	for _, rate := range []float64{20, 40, 80, 160} {
		scaled = append(scaled, seen{rate: rate, achieved: rate, p95: 5 + rate/4, queries: 30, query: 6000, growth: rate / 2})
	}
	for name, r := range map[string]*Report{
		"nothing":   judge(),
		"plateaus":  judge(scaled...),
		"breaks":    judge(seen{rate: 50, achieved: 50, p95: 5}, seen{rate: 100, achieved: 70, p95: 120, failed: 0.05, missed: 0.02}),
		"generator": judge(seen{rate: 50, achieved: 50, p95: 5, late: 0.4}),
		"too few":   judge(seen{rate: 0.1, achieved: 0.1, p95: 5}),
		"scenarios": Judge(sideBySide([]seen{calm50}, []seen{slow50}), Limits, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantValid(t, summary(t, r))
		})
	}
	for right, wrong := range map[string]string{
		`"schema": 3`:                  `"schema": 2`,
		`"sustained_rate": null`:       `"sustained_rate": null, "held": null`,
		`"generator_late": 0`:          `"generator_later": 0`,
		`"status": "` + string(NoData): `"status": "GOOD`,
		`"type": "trend"`:              `"type": "trends"`,
		`"state": {`:                   `"stat": {`, // capacity stands alone without k6's data, and needs all of it otherwise
	} {
		text := strings.ReplaceAll(string(summary(t, judge())), right, wrong)
		if validate(t, []byte(text)) == nil {
			t.Errorf("%s is valid", wrong)
		}
	}
}

func wantValid(t *testing.T, text []byte) {
	t.Helper()
	if err := validate(t, text); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func validate(t *testing.T, text []byte) error {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertContent()
	schema, err := compiler.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// The schema describes every property that a Report has, and no other.
func TestSchemaIsComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	if root.Schema != "https://json-schema.org/draft/2020-12/schema" || root.Defs["report"].Properties["schema"].Const != Schema {
		t.Error("another draft, or another version of the report")
	}
	root.describes(t, "capacity", root.Properties["capacity"], reflect.TypeFor[Report]())
}

// node is what a schema says about one place.
type node struct {
	Schema      string `json:"$schema"`
	Ref         string `json:"$ref"`
	Const       int
	Description string
	Properties  map[string]node
	Required    []string
	Additional  any `json:"additionalProperties"`
	Items       *node
	AnyOf       []node
	Defs        map[string]node `json:"$defs"`
}

// describes walks a schema and a type together.
func (root node) describes(t *testing.T, path string, n node, of reflect.Type) {
	t.Helper()
	for len(n.AnyOf) > 0 || n.Ref != "" {
		if len(n.AnyOf) > 0 {
			n = n.AnyOf[0] // the other is null
		}
		if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
			n = root.Defs[name]
		}
	}
	switch {
	case of.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
	case of.Kind() == reflect.Pointer:
		root.describes(t, path, n, of.Elem())
	case of.Kind() == reflect.Slice, of.Kind() == reflect.Array:
		if n.Items == nil {
			t.Fatalf("%s has no items", path)
		}
		root.describes(t, path+"[]", *n.Items, of.Elem())
	case of.Kind() == reflect.Map && of.Elem().Kind() == reflect.Struct:
		ref, _ := n.Additional.(map[string]any)["$ref"].(string)
		root.describes(t, path+"{}", node{Ref: ref}, of.Elem())
	case of.Kind() == reflect.Struct:
		root.describesFields(t, path, n, of)
	}
}

func (root node) describesFields(t *testing.T, path string, n node, of reflect.Type) {
	t.Helper()
	var all, required []string
	for _, field := range reflect.VisibleFields(of) {
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue // embedded, so its fields are visible too, or not in JSON
		}
		all = append(all, name)
		if option == "" {
			required = append(required, name)
		}
		property := n.Properties[name]
		if property.Description == "" {
			t.Errorf("%s.%s has no description", path, name)
		}
		root.describes(t, path+"."+name, property, field.Type)
	}
	sorted := func(names []string) string { return fmt.Sprint(slices.Sorted(slices.Values(names))) }
	if got := slices.Collect(maps.Keys(n.Properties)); sorted(got) != sorted(all) {
		t.Errorf("%s has %v, and the schema %v", path, sorted(all), sorted(got))
	}
	if sorted(n.Required) != sorted(required) {
		t.Errorf("%s always has %v, and the schema %v", path, sorted(required), sorted(n.Required))
	}
	if n.Additional != false {
		t.Errorf("%s may have additional properties", path)
	}
}
