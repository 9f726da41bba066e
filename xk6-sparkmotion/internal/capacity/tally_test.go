package capacity

import (
	"fmt"
	"slices"
	"testing"
)

// However many names come, a tally stays small and loses no count.
func TestTallyIsBounded(t *testing.T) {
	t.Parallel()
	var a, b Tally
	for n := range 1000 {
		a.add(fmt.Sprintf("a%d.example", n%40), 1)
		b.add(fmt.Sprintf("b%d.example", n%20), 2)
	}
	a.add("none", 0)
	if len(a) != mostNames+1 || a.Sum() != 1000 || a[AllOthers] != 24*25 || a["a0.example"] != 25 {
		t.Errorf("got %v", a)
	}
	a.merge(b)
	names := a.Names()
	if len(a) != mostNames+1 || a.Sum() != 3000 || names[len(names)-1] != AllOthers {
		t.Errorf("merged: %v", a)
	}
	if a["b0.example"] != 100 || a["a0.example"] != 0 { // the most frequent keep their names
		t.Errorf("merged: %v", a)
	}
}

// Names of a plateau that the run does not have count as all others.
func TestTallyOf(t *testing.T) {
	t.Parallel()
	part := Tally{"a": 1, "b": 2, "c": 4, AllOthers: 8}
	if got := part.Of([]string{"b", "d", AllOthers}); !slices.Equal(got, []int64{2, 0, 13}) {
		t.Errorf("got %v", got)
	}
	if got := Tally(nil).Of([]string{"a"}); !slices.Equal(got, []int64{0}) {
		t.Errorf("of nothing: %v", got)
	}
}
