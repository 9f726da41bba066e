package lane

import (
	"errors"
	"testing"
)

// Failures that need different advice are of different kinds, as the log has one line for each.
func TestKind(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Result{
		"error_code 1050":          {Err: errors.New("late"), Code: 1050},
		"status 500":               {Status: 500},
		"status 307":               {Status: 307, Location: "https://other/", Led: Elsewhere},
		"status 307 to a fallback": {Status: 307, Location: "https://sparkmotion.io/", Led: Fallback},
		"status 301 to the page":   {Status: 301, Location: "https://compassion.com/", Led: Page},
		"fallback":                 {Status: 302, Location: "https://sparkmotion.io/", Led: Fallback},
		"no Location":              {Status: 302},
		"Location without a host":  {Status: 302, Location: "/login"},
		"different Locations":      {Status: 302, Location: "https://compassion.com/", Differs: true},
	} {
		r.Target = &Target{status: 302}
		if got := r.Kind(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
