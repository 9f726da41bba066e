package capacity

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// The first failure of each kind is what a report shows of it; there is room for as many kinds as a tally has names.
func TestFirstOfEachKind(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	said := 0
	fail := func(kind string) string {
		name := r.Failed(Admin, kind, func() string { said++; return fmt.Sprintf("%s, the %d", kind, said) })
		r.Query(Query{Queries: 1, Failed: 1, Failures: []string{kind}})
		return name
	}
	for n := range 20 {
		kind := fmt.Sprintf("a: %02d", n)
		want := kind
		if n >= mostNames {
			want = AllOthers
		}
		if first, again := fail(kind), fail(kind); first != want || again != want {
			t.Errorf("%s is kept as %s and %s, want %s", kind, first, again, want)
		}
	}
	m := r.Measured("0:1", nil)
	if m.Failures["a: 03"] != (Failure{Admin, "a: 03, the 4"}) || m.Failures[AllOthers] != (Failure{Admin, "a: 16, the 17"}) || said != mostNames+1 {
		t.Errorf("%d were asked what they say: %v", said, m.Failures)
	}
	if kinds, counted := slices.Sorted(maps.Keys(m.Failures)), slices.Sorted(maps.Keys(m.Whole.Failures)); !slices.Equal(kinds, counted) {
		t.Errorf("kinds %v, and counts of %v", kinds, counted)
	}
}

// Of several processes, a kind has one sample; kinds that are among all others have none of their own.
func TestMergedKinds(t *testing.T) {
	t.Parallel()
	var m Measured
	for process := range 2 {
		r := &Recorder{}
		for n := range mostNames {
			kind := fmt.Sprintf("a: %02d", n+8*process) // the other has eight of them, too
			for range n + 1 {
				r.Failed(Admin, kind, func() string { return fmt.Sprintf("of process %d", process) })
				r.Query(Query{Queries: 1, Failed: 1, Failures: []string{kind}})
			}
		}
		m.add(&Report{Measured: r.Measured("0:1", nil)})
	}
	if len(m.Failures) != mostNames || m.Failures["a: 15"].Sample != "of process 0" || m.Failures["a: 23"].Sample != "of process 1" {
		t.Errorf("%d kinds: %v", len(m.Failures), m.Failures)
	}
	for kind := range m.Failures {
		if m.Whole.Failures[kind] == 0 {
			t.Errorf("%s is not counted", kind)
		}
	}
}
