package event

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"
)

var (
	cuids       atomic.Uint64
	fingerprint = base36(rand.Uint64(), 4) // #nosec G404 -- an ID, no secret
)

// NewID makes the ID of a new row, a cuid: the time, a counter, the process and chance, 25 characters that sort by age.
func NewID(now time.Time) string {
	id := make([]byte, 0, 25)
	id = append(id, 'c')
	id = append(id, base36(uint64(now.UnixMilli()), 8)...)
	id = append(id, base36(cuids.Add(1), 4)...)
	id = append(id, fingerprint...)
	return string(append(id, base36(rand.Uint64(), 8)...)) // #nosec G404 -- an ID, no secret
}

// base36 is the last n digits of v.
func base36(v uint64, n int) string {
	text := "0000000000000" + strconv.FormatUint(v, 36)
	return text[len(text)-n:]
}
