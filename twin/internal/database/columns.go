package database

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"
)

// columns are SQLite's "TapLog" once more, in memory and column by column: a row store in this process would take a
// second of a core for what ten dashboards count at once. They are read once the file is seeded, and grow with each
// commit; only this process writes to the file.
type columns struct {
	db *DB

	mu     sync.RWMutex
	loaded bool
	names  map[string]uint32 // of bands' rows, events, windows and modes: each text is kept once
	texts  []string
	taps   []column
	gone   []bool // by a band's name: it's deleted

	counting sync.Mutex // held while somebody counts what is then known
	known    map[string]Summary
	version  int64 // of what is written
}

type column struct {
	at                        int64 // milliseconds
	band, event, window, mode uint32
}

// written has events counted again, after any commit.
func (c *columns) written() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	c.version++
}

// summary counts an event, unless nothing was written since it was last counted: dashboards ask for the same at once.
func (c *columns) summary(ctx context.Context, eventID string) (s Summary, err error) {
	c.counting.Lock()
	defer c.counting.Unlock()
	c.mu.RLock()
	s, ok := c.known[eventID]
	version := c.version
	c.mu.RUnlock()
	if ok {
		return s, nil
	}
	if s.Taps, _, _, err = c.uses(ctx, eventID, Filter{}); err != nil {
		return s, err
	}
	if err = c.db.countBands(ctx, eventID, &s); err != nil {
		return s, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if version == c.version {
		c.known[eventID] = s
	}
	return s, nil
}

// forget has the taps read again, for what changes a band.
func (c *columns) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = false
}

// add follows a commit.
func (c *columns) add(taps []TapRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		return
	}
	for _, t := range taps {
		c.append(t.TappedAt.UnixMilli(), t.Band, t.EventID, t.WindowID, t.Mode)
	}
}

func (c *columns) append(at int64, band, event, window, mode string) {
	c.taps = append(c.taps, column{at, c.name(band), c.name(event), c.name(window), c.name(mode)})
}

func (c *columns) name(text string) uint32 {
	n, ok := c.names[text]
	if !ok {
		n = uint32(len(c.texts)) // #nosec G115 -- a text takes more than a byte
		c.names[text] = n
		c.texts = append(c.texts, text)
		c.gone = append(c.gone, false)
	}
	return n
}

// load reads the taps if need be, while nobody writes.
func (c *columns) load(ctx context.Context) error {
	c.mu.RLock()
	loaded := c.loaded
	c.mu.RUnlock()
	if loaded {
		return nil
	}
	c.db.writing.Lock()
	defer c.db.writing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded {
		return nil
	}
	c.names, c.texts, c.taps, c.gone = make(map[string]uint32), nil, c.taps[:0], nil
	const taps = `SELECT "tappedAt", "bandId", "eventId", coalesce("windowId", ''), "modeServed" FROM "TapLog"`
	err := c.db.each(ctx, taps, nil, func(rows *sql.Rows) error {
		var at int64
		var band, event, window, mode string
		err := rows.Scan(&at, &band, &event, &window, &mode)
		c.append(at, band, event, window, mode)
		return err
	})
	if err != nil {
		return err
	}
	err = c.db.each(ctx, `SELECT "id" FROM "Band" WHERE "deletedAt" IS NOT NULL`, nil, func(rows *sql.Rows) error {
		var band string
		err := rows.Scan(&band)
		c.gone[c.name(band)] = true
		return err
	})
	c.loaded = err == nil
	return err
}

// each calls f with the taps that a filter lets through, of one event or, when eventID is "", of all.
func (c *columns) each(ctx context.Context, eventID string, filter Filter, f func(*column)) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	event, known := c.names[eventID]
	window, visited := c.names[filter.WindowID]
	if eventID != "" && !known || filter.WindowID != "" && !visited {
		return nil
	}
	from, to := filter.From.UnixMilli(), filter.To.UnixMilli() // of a zero time, before all taps
	for i := range c.taps {
		t := &c.taps[i]
		in := (eventID == "" || t.event == event) && (filter.WindowID == "" || t.window == window)
		if in && t.at >= from && (filter.To.IsZero() || t.at <= to) && !c.gone[t.band] {
			f(t)
		}
	}
	return nil
}

func (c *columns) totals(ctx context.Context, eventID string, from, to time.Time) (*Totals, error) {
	t := &Totals{Modes: map[string]int64{}}
	var bands set
	events, modes, minutes := map[uint32]bool{}, map[uint32]int64{}, map[int64]int64{}
	err := c.each(ctx, eventID, Filter{From: from, To: to}, func(tap *column) {
		t.Taps++
		bands.add(tap.band)
		events[tap.event] = true
		modes[tap.mode]++
		minutes[tap.at/time.Minute.Milliseconds()]++
	})
	if err != nil {
		return nil, err
	}
	for _, n := range minutes {
		t.PeakMinute = max(t.PeakMinute, n)
	}
	for mode, n := range modes {
		t.Modes[c.text(mode)] = n
	}
	t.Bands, t.Events = bands.size, int64(len(events))
	return t, nil
}

// set is a set of names, a bit each.
type set struct {
	bits []uint64
	size int64
}

func (s *set) add(name uint32) {
	word, bit := int(name/64), uint64(1)<<(name%64)
	if word >= len(s.bits) {
		s.bits = append(s.bits, make([]uint64, word+1-len(s.bits))...)
	}
	if s.bits[word]&bit == 0 {
		s.bits[word] |= bit
		s.size++
	}
}

func (c *columns) text(name uint32) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.texts[name]
}

func (c *columns) uses(ctx context.Context, eventID string, filter Filter) (taps, bands, repeats int64, err error) {
	var found []column
	err = c.each(ctx, eventID, filter, func(tap *column) { found = append(found, column{at: tap.at, band: tap.band}) })
	slices.SortFunc(found, func(a, b column) int {
		if a.band != b.band {
			return int(int64(a.band) - int64(b.band))
		}
		return int(a.at - b.at)
	})
	found = slices.Compact(found) // a band's taps at one time are one
	for i := 0; i < len(found); {
		first := i
		for i < len(found) && found[i].band == found[first].band {
			i++
		}
		bands++
		if i-first > 1 {
			repeats++
		}
	}
	return int64(len(found)), bands, repeats, err
}
