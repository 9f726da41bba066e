// Package audit looks for every single tap of a run among what the system has recorded: each must be there once, under its band's
// event. Counters can't see a tap that was recorded twice, nor one under the wrong event, nor a loss that a duplicate makes up for.
//
// A [Set] holds the taps, of a process; a [Reading] compares it with the rows of an export; an [Outcome] is what came of that.
package audit

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

// MaxTaps bounds a set and its memory: a tap takes about 150 bytes, and 20 more while rows are read.
const MaxTaps = 1_000_000

// Set is the taps of an audit. Its zero value is empty; it is safe for use by several goroutines.
type Set struct {
	mu    sync.Mutex
	agent string
	index map[string]uint32 // by band
	taps  []tap
}

// tap is one of the set. Its times are this machine's.
type tap struct {
	band         string
	began, ended int64 // in ms since 1970
	answer       Answer
}

// Answer says how a tap ended.
type Answer uint8

// The answers. A tap that is under way, that was cut off or that failed may have been recorded all the same: nothing is expected of it.
const (
	None       Answer = iota
	Redirected        // to a page: it must be recorded once
	Repeated          // to a page, but this machine sent it twice, as a kept connection ended before its answer: twice is no fault of the system's
)

// Agent returns the User-Agent of the set's taps. No other run has it, so it identifies the taps in recorded rows.
func (s *Set) Agent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agent == "" {
		s.agent = "xk6-sparkmotion-audit/" + rand.Text()
	}
	return s.agent
}

// Begin adds a tap that is about to be made. Each band may have only one, because two could not be told apart.
func (s *Set) Begin(band string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.index[band]; known {
		return fmt.Errorf("an audit taps each band once, and %s was tapped before: "+
			"pick bands with bandID({ distribution: 'sequential' }), and make no more taps than there are bands", band)
	}
	if len(s.taps) == MaxTaps {
		return fmt.Errorf("an audit holds at most %d taps: make fewer", MaxTaps)
	}
	if s.index == nil {
		s.index = make(map[string]uint32)
	}
	s.index[band] = uint32(len(s.taps)) // #nosec G115 -- MaxTaps bounds it
	s.taps = append(s.taps, tap{band: band, began: now.UnixMilli()})
	return nil
}

// End records how the tap of a band ended.
func (s *Set) End(band string, answer Answer, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, known := s.index[band]; known {
		s.taps[i].answer, s.taps[i].ended = answer, now.UnixMilli()
	}
}

// Redirected returns how many taps were redirected to a page.
func (s *Set) Redirected() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.taps {
		if s.taps[i].answer != None {
			n++
		}
	}
	return n
}

// Span returns when the first tap began and the last one ended, by this machine's clock.
func (s *Set) Span() Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.taps) == 0 {
		return Window{}
	}
	first, last := s.taps[0].began, s.taps[0].began
	for i := range s.taps {
		first, last = min(first, s.taps[i].began), max(last, s.taps[i].began, s.taps[i].ended)
	}
	return Window{time.UnixMilli(first), time.UnixMilli(last)}
}
