package sparkmotion

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/sobek"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/audit"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// index.d.ts must say what the Go says; `make types` has TypeScript read it.

// declared is what index.d.ts exports: names of functions and classes, and the members of interfaces and classes with their
// types, inherited ones too.
func declared(t *testing.T) (names []string, members map[string]map[string]string) {
	t.Helper()
	text, err := os.ReadFile("index.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	source := regexp.MustCompile(`(?s)/\*\*.*?\*/`).ReplaceAllString(string(text), "")
	for _, found := range regexp.MustCompile(`(?m)^  export (?:function|class) (\w+)`).FindAllStringSubmatch(source, -1) {
		names = append(names, found[1])
	}
	members = make(map[string]map[string]string)
	member := regexp.MustCompile(`(?m)^    (\w+)(?:\?)?(?:: (.+);$|\()`)
	block := regexp.MustCompile(`(?ms)^  export (?:interface|class) (\w+)(?: extends (\w+))? \{\n(.*?)^  \}`)
	for _, found := range block.FindAllStringSubmatch(source, -1) {
		own := maps.Clone(members[found[2]])
		if own == nil {
			own = make(map[string]string)
		}
		for _, one := range member.FindAllStringSubmatch(found[3], -1) {
			own[one[1]] = one[2]
		}
		members[found[1]] = own
	}
	return names, members
}

func TestTypesOfExports(t *testing.T) {
	t.Parallel()
	names, members := declared(t)
	exported := exports(t)
	same(t, "exports", slices.Compact(slices.Sorted(slices.Values(names))), // tap() has two forms
		slices.Sorted(maps.Keys(exported)))

	delete(members["Upstash"], "constructor")
	methods := vutest.New(t, New(), nil).Init().Run("Object.keys(new sm.Upstash({url: 'http://h', token: 't'})).sort().join()")
	vutest.Equal(t, "Upstash", strings.Join(slices.Sorted(maps.Keys(members["Upstash"])), ","), methods.String())
}

// exports are the names that scripts import.
func exports(t *testing.T) map[string]any {
	t.Helper()
	names := make(map[string]any)
	for _, name := range strings.Split(vutest.New(t, New(), nil).Init().Run("Object.keys(sm).join()").String(), ",") {
		names[name] = true
	}
	return names
}

// TestTypesOfOptions: each call's interface has the keys of its options struct, with their types.
func TestTypesOfOptions(t *testing.T) {
	t.Parallel()
	_, members := declared(t)
	for name, options := range map[string]any{
		"ReportOptions": reportOptions{}, "LoginOptions": loginOptions{}, "QueryOptions": queryOptions{}, "BandOptions": bandOptions{}, "TapOptions": tapOptions{},
		"FlushOptions": flushOptions{}, "QueueOptions": queueOptions{}, "UpstashOptions": upstashOptions{},
		"PreflightOptions": preflightOptions{}, "AuditOptions": auditOptions{},
	} {
		same(t, name, words(members[name]), keys(t, reflect.TypeOf(options), "js"))
	}
	same(t, "SessionCookie", words(members["SessionCookie"]), keys(t, reflect.TypeFor[sessionCookie](), "js"))
	same(t, "Flushed", words(members["Flushed"]), keys(t, reflect.TypeFor[hub.Flushed](), "json"))
	same(t, "AuditOutcome", words(members["AuditOutcome"]), keys(t, reflect.TypeFor[audit.Outcome](), "json"))

	limits := make(map[string]string)
	for _, l := range capacity.Limits {
		metric, _, _ := strings.Cut(l.Metric, "{")
		limits[metric] = "Limit"
	}
	same(t, "Limits", words(members["Limits"]), limits)

	// plateaus() reads its options by hand, and says which it takes.
	said := vutest.New(t, New(), nil).Init().Fails("sm.plateaus({nothing: 1})")
	_, takes, _ := strings.Cut(said, "it takes ")
	same(t, "Plateaus", slices.Sorted(maps.Keys(members["Plateaus"])), slices.Sorted(slices.Values(strings.Split(takes, ", "))))
}

func same[T any](t *testing.T, what string, declared, got T) {
	t.Helper()
	vutest.Equal(t, what, fmt.Sprint(declared), fmt.Sprint(got)) // maps in the order of their keys
}

// choice is the type of a string that is one of some.
var choice = regexp.MustCompile(`\(?'[^']*'( \| '[^']*')*\)?`)

// words are the members' types, without saying which words a string may be.
func words(members map[string]string) map[string]string {
	members = maps.Clone(members)
	for key, kind := range members {
		members[key] = choice.ReplaceAllString(kind, "string")
	}
	return members
}

// keys are a struct's, by a tag, and the TypeScript for their types.
func keys(t *testing.T, of reflect.Type, tag string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, field := range reflect.VisibleFields(of) {
		if field.Anonymous {
			continue
		}
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		name := field.Tag.Get(tag)
		switch {
		case kind == reflect.TypeFor[time.Duration]():
			found[name] = "Duration"
		case kind == reflect.TypeFor[[]string]():
			found[name] = "string[]"
		case kind == reflect.TypeFor[map[string]string]():
			found[name] = "Record<string, string>"
		case kind == reflect.TypeFor[map[string]sobek.Value]():
			found[name] = "Record<string, string | null>"
		case kind == reflect.TypeFor[sobek.Value]():
			found[name] = "[procedure: string, input?: unknown][]"
		case kind == reflect.TypeFor[audit.Findings]():
			found[name] = "AuditFindings"
		case kind.Kind() == reflect.String:
			found[name] = "string"
		case kind.Kind() == reflect.Bool:
			found[name] = "boolean"
		case kind.Kind() == reflect.Int, kind.Kind() == reflect.Int64, kind.Kind() == reflect.Float64:
			found[name] = "number"
		default:
			t.Fatalf("no TypeScript is known for %s, %s", field.Name, kind)
		}
	}
	return found
}
