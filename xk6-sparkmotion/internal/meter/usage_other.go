//go:build !unix

package meter

import "time"

// used is not known on this system.
func used() (cpu time.Duration, peak int64, ok bool) { return 0, 0, false }
