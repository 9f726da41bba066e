// Package superjson encodes JavaScript values for tRPC servers, and decodes their data: as JSON, or with the transformer of
// that name (https://github.com/flightcontrolhq/superjson). It works on the engine's own values, so that texts, numbers and
// dates come out as a browser writes them; it needs no VU.
package superjson

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/sobek"
)

// wrap wraps a value as superjson does: plain
// JSON in json, and in meta.values the paths of what JSON can't carry, with its type. Dates, undefined, BigInt, and the
// numbers that are not finite, or -0, are known; a server with types of its own needs none of them in the five queries.
func (c Codec) wrap(value sobek.Value) (string, error) {
	annotations := c.Runtime.NewObject()
	plain, err := c.flatten(value, nil, annotations)
	if err != nil {
		return "", err
	}
	if len(annotations.Keys()) == 0 {
		return c.stringify(c.object("json", plain))
	}
	var values sobek.Value = annotations
	if _, tree := plain.(*sobek.Object); !tree {
		values = annotations.Get("") // the whole value's own
	}
	// Version 1 of the paths: in those before, a backslash was not escaped.
	return c.stringify(c.object("json", plain, "meta", c.object("values", values, "v", 1)))
}

// maxDepth bounds an input that contains itself.
const maxDepth = 500

// flatten copies value with all that JSON can't carry replaced, and notes each replacement's type under its path.
func (c Codec) flatten(value sobek.Value, path []string, annotations *sobek.Object) (sobek.Value, error) {
	if len(path) > maxDepth {
		return nil, fmt.Errorf("superjson: nested deeper than %d levels: does it contain itself?", maxDepth)
	}
	rt := c.Runtime
	note := func(kind string, plain any) (sobek.Value, error) {
		return rt.ToValue(plain), annotations.Set(strings.Join(path, "."), []string{kind})
	}
	if value == nil || sobek.IsUndefined(value) {
		return note("undefined", nil)
	}
	switch v := value.Export().(type) {
	case time.Time:
		return note("Date", isoString(v.UTC()))
	case *big.Int:
		return note("bigint", v.String())
	case float64:
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return note("number", value.String())
		case v == 0 && math.Signbit(v):
			return note("number", "-0")
		}
		return value, nil
	}
	if object, ok := value.(*sobek.Object); ok {
		return c.flattenObject(object, path, annotations)
	}
	return value, nil
}

// flattenObject copies arrays and plain objects; an object of a class is what JSON makes of it, as in superjson.
func (c Codec) flattenObject(object *sobek.Object, path []string, annotations *sobek.Object) (sobek.Value, error) {
	copied := c.Runtime.NewObject()
	switch class := classOf(object); {
	case class == "Array":
		copied = c.Runtime.NewArray()
	case class != "Object":
		return nil, fmt.Errorf("superjson: a %s at %q is not supported", class, strings.Join(path, "."))
	case object.Prototype() != nil && object.Prototype() != copied.Prototype():
		return object, nil
	}
	for _, key := range object.Keys() {
		if slices.Contains(risky, key) {
			return nil, fmt.Errorf("superjson: the key %s is refused, as it could pollute prototypes", key)
		}
		child := object.Get(key)
		if child == nil { // Go has no text for half a surrogate pair
			return nil, fmt.Errorf("superjson: a key at %q is not valid Unicode", strings.Join(path, "."))
		}
		below := append(slices.Clone(path), escapeDots.Replace(key))
		plain, err := c.flatten(child, below, annotations)
		if err != nil {
			return nil, err
		}
		if err := copied.Set(key, plain); err != nil {
			return nil, err
		}
	}
	return copied, nil
}

// risky are keys by which a path may lead to what all objects share.
var risky = []string{"__proto__", "constructor", "prototype"}

// isoString is what JavaScript's toISOString gives: a year of other than four digits has a sign and six.
func isoString(t time.Time) string {
	year := "%04d"
	if t.Year() < 0 || t.Year() > 9999 {
		year = "%+07d"
	}
	return fmt.Sprintf(year, t.Year()) + t.Format("-01-02T15:04:05.000Z")
}

// classOf is an object's class, also of maps and sets, which sobek calls plain objects: they have no keys, and would be
// sent as {}.
func classOf(object *sobek.Object) string {
	class := object.ClassName()
	if class != "Object" {
		return class
	}
	switch object.ExportType() {
	case reflect.TypeFor[[][2]any]():
		return "Map"
	case reflect.TypeFor[[]any]():
		return "Set"
	}
	return class
}

// escapeDots keeps a key's own dots and backslashes apart from the path's.
var escapeDots = strings.NewReplacer(`\`, `\\`, `.`, `\.`)

// revive undoes superjson: it puts back what meta.values names.
func (c Codec) revive(wrapped sobek.Value) (sobek.Value, error) {
	object, ok := wrapped.(*sobek.Object)
	if !ok || object.Get("json") == nil {
		return nil, fmt.Errorf("the data is not superjson: remove TRPC_TRANSFORMER (the option transformer)")
	}
	meta, ok := object.Get("meta").(*sobek.Object)
	if !ok {
		return object.Get("json"), nil
	}
	values, ok := meta.Get("values").(*sobek.Object)
	if !ok {
		return object.Get("json"), nil
	}
	return c.reviveTree(object.Get("json"), values)
}

// reviveTree applies a tree of annotations: [type], [type, {path: tree}] or {path: tree}.
func (c Codec) reviveTree(value sobek.Value, tree *sobek.Object) (sobek.Value, error) {
	children := tree
	kind := ""
	if tree.ClassName() == "Array" {
		if name, ok := tree.Get("0").(sobek.String); ok {
			kind = name.String()
		}
		children, _ = tree.Get("1").(*sobek.Object)
	}
	if children != nil {
		for _, path := range children.Keys() {
			below, ok := children.Get(path).(*sobek.Object)
			if !ok {
				return nil, fmt.Errorf("superjson: the annotation at %q is not a tree", path)
			}
			if err := c.reviveAt(value, splitPath(path), below); err != nil {
				return nil, err
			}
		}
	}
	return c.reviveOne(value, kind)
}

func (c Codec) reviveAt(value sobek.Value, path []string, tree *sobek.Object) error {
	parent, ok := value.(*sobek.Object)
	if !ok || slices.Contains(risky, path[0]) || parent.Get(path[0]) == nil {
		return fmt.Errorf("superjson: nothing at %q", strings.Join(path, "."))
	}
	if len(path) > 1 {
		return c.reviveAt(parent.Get(path[0]), path[1:], tree)
	}
	revived, err := c.reviveTree(parent.Get(path[0]), tree)
	if err != nil {
		return err
	}
	return parent.Set(path[0], revived)
}

func (c Codec) reviveOne(value sobek.Value, kind string) (sobek.Value, error) {
	rt := c.Runtime
	switch kind {
	case "undefined":
		return sobek.Undefined(), nil
	case "Date":
		return rt.New(rt.Get("Date"), value)
	case "bigint":
		if n, ok := new(big.Int).SetString(value.String(), 10); ok {
			return rt.ToValue(n), nil
		}
	case "number":
		if f, err := strconv.ParseFloat(strings.TrimPrefix(value.String(), "+"), 64); err == nil {
			return rt.ToValue(f), nil
		}
	}
	return value, nil // sets, maps and custom types stay as their JSON
}

// splitPath undoes the joining with dots. A backslash before anything else is one that an older superjson did not escape.
func splitPath(path string) []string {
	keys := []string{""}
	for i := 0; i < len(path); i++ {
		last := &keys[len(keys)-1]
		switch {
		case path[i] == '\\' && i+1 < len(path) && (path[i+1] == '\\' || path[i+1] == '.'):
			i++
			*last += path[i : i+1]
		case path[i] == '.':
			keys = append(keys, "")
		default:
			*last += path[i : i+1]
		}
	}
	return keys
}
