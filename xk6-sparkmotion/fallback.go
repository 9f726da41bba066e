package sparkmotion

import (
	"slices"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
)

// failure says why a probe's tap led to no page: of a fallback, whose it is, and what the system has counted.
func (p *prober) failure(form string, result *lane.Result) *answer.Error {
	wrong := result.Failure()
	if !result.IsRedirect() || result.Led != lane.Fallback {
		return wrong
	}
	if result.Source == lane.Hub {
		wrong.Advice = "That is the Hub's fallback (FALLBACK_HOST), so it is not a KV hit. " + adviceOnMiss(form, result.Target)
	}
	switch rose, read := p.rose(); {
	case len(rose) > 0:
		wrong.Advice += ". The system counted it: " + strings.Join(rose, ", ")
	case read:
		wrong.Advice += ". No monitoring:errors:* has counted it"
	}
	return wrong
}

// rose returns the system's counters of errors that have risen since they were last read, and whether they can be read. They rise after the
// answer, and are waited for only once.
func (p *prober) rose() (names []string, read bool) {
	if p.before == nil || p.unread != nil {
		return nil, false
	}
	if p.count.IsZero() {
		p.count = time.Now().Add(countTime)
	}
	for {
		reading, _, err := p.read(p.queue())
		if err != nil {
			return nil, false
		}
		if names = risen(p.errors, reading); len(names) > 0 || time.Now().After(p.count) {
			p.errors = reading.Errors
			return names, true
		}
		if p.until(time.Now().Add(pollTime)) != nil {
			return nil, false
		}
	}
}

// risen returns the counters of errors that are higher in a reading.
func risen(before map[string]int64, reading capacity.Reading) (names []string) {
	for kind, n := range reading.Errors {
		if n > before[kind] {
			names = append(names, "monitoring:errors:"+kind)
		}
	}
	slices.Sort(names)
	return names
}
