// Package units has the text of numbers: as few digits as say something, and the unit.
package units

import (
	"fmt"
	"math"
	"strconv"
)

// Unit is the unit of a figure.
type Unit string

// The units of figures.
const (
	Time      Unit = "ms"
	Share     Unit = "share"
	PerSecond Unit = "taps/s"
	Count     Unit = "iterations"
	Rows      Unit = "rows"
	Bytes     Unit = "bytes"
)

// Value is a figure with its unit.
func (u Unit) Value(value float64) string {
	switch u {
	case Time:
		return Milliseconds(value)
	case Share:
		return Percent(value)
	case PerSecond:
		return Rate(value) + "/s"
	case Rows:
		return Rate(value) + " rows"
	case Bytes:
		return Size(value)
	}
	return Rate(value)
}

// Optional is a figure with its unit, or a dash when it was not measured.
func (u Unit) Optional(value *float64) string {
	if value == nil {
		return "-"
	}
	return u.Value(*value)
}

// Difference is the size of a change; for shares, in percentage points.
func (u Unit) Difference(value float64) string {
	if size := math.Abs(value); u != Share {
		return u.Value(size)
	}
	return plain(Significant(100*math.Abs(value), 3)) + " pp"
}

// Rate is a rate or a count to three digits, with thousands separators.
func Rate(value float64) string {
	if short := Significant(value, 3); math.Abs(short) < 1000 {
		return plain(short)
	}
	digits := strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// About is a large number to two digits: 2,900, 1.7 M.
func About(value float64) string {
	if value < 1e6 {
		return Rate(Significant(value, 2))
	}
	return plain(Significant(value/1e6, 2)) + " M"
}

// Milliseconds is a latency: 0.31 ms, 64 ms, 8.2 s.
func Milliseconds(value float64) string {
	if Significant(value, 3) >= 1000 {
		return plain(Significant(value/1000, 3)) + " s"
	}
	return plain(Significant(value, 3)) + " ms"
}

// Size is a number of bytes: 812 B, 64.2 kB, 9.1 MB.
func Size(bytes float64) string {
	for _, unit := range []string{"B", "kB", "MB"} {
		if Significant(bytes, 3) < 1000 {
			return plain(Significant(bytes, 3)) + " " + unit
		}
		bytes /= 1000
	}
	return Rate(bytes) + " GB"
}

// Percent is a fraction: 0.02 %, 99.7 %.
func Percent(value float64) string {
	if value > 0.9 && value < 1 { // how far from all is what matters
		return plain(100-Significant(100*(1-value), 3)) + " %"
	}
	return plain(Significant(100*value, 3)) + " %"
}

// Minutes is a time to wait, in the unit that people would use.
func Minutes(seconds float64) string {
	switch {
	case seconds < 90:
		return fmt.Sprintf("%.0f seconds", seconds)
	case seconds < 90*60:
		return fmt.Sprintf("%.0f minutes", seconds/60)
	}
	return fmt.Sprintf("%.1f hours", seconds/3600)
}

// Significant rounds to the given number of digits.
func Significant(value float64, digits int) float64 {
	if value == 0 || math.IsInf(value, 0) || math.IsNaN(value) {
		return value
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(value))))
	return math.Round(value*scale) / scale
}

func plain(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
