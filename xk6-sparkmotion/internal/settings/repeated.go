package settings

import (
	"fmt"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
)

// Repeated keeps what a VU has made of a call's options for the calls that repeat them: to read options takes longer than a tap.
type Repeated[T any] struct {
	made map[string]T
	env  sobek.Value // the __ENV that they were made for: scenarios may have their own
}

// Key tells options apart.
type Key struct {
	text  string
	plain bool // nothing in them but text, numbers, and true or false
}

// Find returns what was made of such options, if anything was, and the key under which [Repeated.Keep] may keep it.
func (r *Repeated[T]) Find(rt *sobek.Runtime, given sobek.Value) (made T, key Key, found bool) {
	if env := rt.Get("__ENV"); r.made == nil || r.env != env {
		r.made, r.env = make(map[string]T), env
	}
	key = keyOf(given)
	if key.plain {
		made, found = r.made[key.text]
	}
	return made, key, found
}

// mostKept bounds what a VU keeps: scripts call in a few ways.
const mostKept = 64

// Keep keeps what was made of options, where they can be told apart.
func (r *Repeated[T]) Keep(key Key, made T) {
	if key.plain && len(r.made) < mostKept {
		r.made[key.text] = made
	}
}

func keyOf(given sobek.Value) Key {
	if common.IsNullish(given) {
		return Key{plain: true}
	}
	object, ok := given.(*sobek.Object)
	if !ok {
		return Key{}
	}
	var b strings.Builder
	for _, name := range object.Keys() {
		switch value := object.Get(name).Export().(type) {
		case string, bool, int64, float64:
			fmt.Fprintf(&b, "%q %#v ", name, value)
		default:
			return Key{}
		}
	}
	return Key{b.String(), true}
}
