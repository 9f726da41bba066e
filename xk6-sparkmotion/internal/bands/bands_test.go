package bands

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var events = []string{"LOADTEST-E1-", "LOADTEST-E2-", "LOADTEST-E3-"}

func TestAppend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefixes []string
		count    int
		index    uint64
		want     string
	}{
		{events, 200_000, 0, "LOADTEST-E1-000001"},
		{events, 200_000, 1, "LOADTEST-E2-000001"}, // prefixes alternate
		{events, 200_000, 3, "LOADTEST-E1-000002"},
		{events, 200_000, 599_999, "LOADTEST-E3-200000"},
		{events, 200_000, 600_000, "LOADTEST-E1-000001"}, // past the pool it starts over
		{[]string{"A"}, 1, 7, "A000001"},
		{[]string{"A"}, 2_000_000, 999_999, "A1000000"}, // a longer number takes the digits it needs
		{[]string{"ä-"}, 10, 9, "ä-000010"},
	} {
		got := string(Pool{c.prefixes, c.count}.Append([]byte("kept:"), c.index))
		if got != "kept:"+c.want {
			t.Errorf("band %d of %d × %q: got %q, want %q", c.index, c.count, c.prefixes, got, c.want)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("LOADTEST-E1-", 200_000, uint64(0))
	f.Add("x", 1, ^uint64(0))
	f.Add("", 1<<62, uint64(1<<61))
	f.Fuzz(func(t *testing.T, prefix string, count int, index uint64) {
		if count < 1 {
			t.Skip()
		}
		want := fmt.Sprintf("%s%06d", prefix, index%uint64(count)+1)
		if got := string(Pool{[]string{prefix}, count}.Append(nil, index)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pool Pool
		want string
	}{
		{Pool{events, 1}, ""},
		{Pool{nil, 1}, "one or more prefixes"},
		{Pool{[]string{"A", ""}, 1}, "none of them empty"},
		{Pool{events, 0}, "a count of 1 or more: got 0"},
		{Pool{events, -1}, "a count of 1 or more: got -1"},
	} {
		err := c.pool.Check()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: got %v, want %q", c.pool, err, c.want)
		}
	}
}

// tally counts how often each index of a pool is picked.
func tally(t *testing.T, pick Picker, size uint64, picks int) []int {
	t.Helper()
	counts := make([]int, size)
	for range picks {
		index := pick()
		if index >= size {
			t.Fatalf("index %d is outside the pool of %d", index, size)
		}
		counts[index]++
	}
	return counts
}

func source() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestUniform(t *testing.T) {
	t.Parallel()
	const size, each = 100, 1000
	for index, n := range tally(t, Uniform(source(), size), size, size*each) {
		if n < each*8/10 || n > each*12/10 { // six standard deviations
			t.Errorf("index %d was picked %d times in place of about %d", index, n, each)
		}
	}
}

func TestZipf(t *testing.T) {
	t.Parallel()
	const size, picks = 600_000, 200_000
	counts := tally(t, Zipf(source(), size), size, picks)
	most, second, seen, firstHalf := 0, 0, 0, 0
	for index, n := range counts {
		if n > most {
			most, second = n, most
		} else {
			second = max(second, n)
		}
		if n > 0 {
			seen++
		}
		if index < size/2 {
			firstHalf += n
		}
	}
	if share := float64(most) / picks; share < 0.09 || share > 0.105 {
		t.Errorf("the most tapped band takes %.3f of the taps", share)
	}
	if ratio := float64(most) / float64(second); ratio < 1.9 || ratio > 2.3 { // 2^1.05 by Zipf's law
		t.Errorf("the first rank is picked %.2f times as often as the second", ratio)
	}
	if seen < picks/10 || seen > picks/2 {
		t.Errorf("%d bands in %d taps: neither a few only nor each once", seen, picks)
	}
	// The frequent ranks are not all at the pool's start.
	if share := float64(firstHalf) / picks; share < 0.3 || share > 0.7 {
		t.Errorf("the first half of the pool takes %.2f of the taps", share)
	}
}

func TestZipfOfSmallPools(t *testing.T) {
	t.Parallel()
	for size := uint64(1); size < 5; size++ {
		for index, n := range tally(t, Zipf(source(), size), size, 1000) {
			if n == 0 {
				t.Errorf("index %d of a pool of %d is never picked", index, size)
			}
		}
	}
}

func TestStrideVisitsEachOnce(t *testing.T) {
	t.Parallel()
	sizes := []uint64{1000, 65_536, 599_999, 600_000}
	for size := uint64(1); size <= 100; size++ {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		stride := coprime(size)
		seen := make([]bool, size)
		for i := range size {
			index := i * stride % size
			if seen[index] {
				t.Fatalf("the stride %d visits index %d of %d twice", stride, index, size)
			}
			seen[index] = true
		}
	}
}
