// Package bands picks wristbands from a pool: several prefixes with the same count of numbered bands each, as
// LOADTEST-E1-000001 … LOADTEST-E1-200000. Bands of the prefixes alternate, so that any run of indices loads every
// event alike.
package bands

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Digits is the width of a band's number, zero-padded; a longer number takes the digits it needs.
const Digits = 6

// Pool is a set of bands: Count numbers, from 1, under each of Prefixes.
type Pool struct {
	Prefixes []string
	Count    int
}

// Check returns what is wrong with the pool, or nil.
func (p Pool) Check() error {
	if len(p.Prefixes) == 0 || slices.Contains(p.Prefixes, "") {
		return fmt.Errorf("a pool of bands needs one or more prefixes, none of them empty: got %q", p.Prefixes)
	}
	if p.Count < 1 {
		return fmt.Errorf("a pool of bands needs a count of 1 or more: got %d", p.Count)
	}
	return nil
}

// Size is the number of bands in the pool.
func (p Pool) Size() uint64 { return uint64(len(p.Prefixes)) * uint64(p.Count) } // #nosec G115 -- Check has been passed

// Append writes the band with the given index (taken modulo the pool's size) to dst.
func (p Pool) Append(dst []byte, index uint64) []byte {
	index %= p.Size()
	n := uint64(len(p.Prefixes))
	dst = append(dst, p.Prefixes[index%n]...)
	return appendNumber(dst, index/n+1)
}

// appendNumber writes n with at least Digits digits.
func appendNumber(dst []byte, n uint64) []byte {
	var digits [20]byte
	at := len(digits)
	for n > 0 || len(digits)-at < Digits {
		at--
		digits[at] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[at:]...)
}

// Picker returns the index of the next band. It is not safe for concurrent use.
type Picker func() uint64

// Uniform picks each of size bands with the same probability.
func Uniform(r *rand.Rand, size uint64) Picker {
	return func() uint64 { return r.Uint64N(size) }
}

// zipfExponent makes the most tapped band of 600,000 take about a tenth of the taps: crew and testers, who tap all day.
const zipfExponent = 1.05

// Zipf picks few bands often and most bands seldom, by Zipf's law over their ranks. The frequent ranks are spread
// over the whole pool.
func Zipf(r *rand.Rand, size uint64) Picker {
	rank := rand.NewZipf(r, zipfExponent, 1, size-1)
	stride := coprime(size)
	return func() uint64 { return rank.Uint64() * stride % size }
}

// coprime gives a stride that visits every index of a pool of the given size once: near its golden section.
func coprime(size uint64) uint64 {
	stride := max(size*618/1000, 1)
	for gcd(stride, size) != 1 {
		stride++
	}
	return stride
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
