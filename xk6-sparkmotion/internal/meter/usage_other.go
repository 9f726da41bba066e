//go:build !unix

package meter

import "time"

// used can't tell here.
func used() (cpu time.Duration, peak int64, ok bool) { return 0, 0, false }
