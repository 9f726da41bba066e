// Package kv is the Worker's key-value store: Cloudflare KV as one place at the edge sees it.
package kv

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// cacheTTL is how long the edge goes on with what it has read, of a key that isn't there too.
	cacheTTL = 30 * time.Second
	// maxAbsent bounds the keys that are known not to be there.
	maxAbsent = 100_000
	// maxKey is how long a key may be, in bytes.
	maxKey = 512
)

// tooLong is what reading a longer key gives.
var tooLong = &Value{Err: fmt.Errorf("the key is longer than %d bytes", maxKey)}

// KV maps keys such as "ORG:BAND" and "evt:EVENT:BAND" to values.
type KV struct {
	now func() time.Time

	mu     sync.Mutex
	index  map[string]uint32 // into slots
	slots  []slot
	absent map[string]time.Time // keys without a slot that were read, and until when the edge takes them for absent
}

// slot is one key's value, and what the edge knows of it.
type slot struct {
	stored, cached *Value // nil: none
	until          int64  // when the cached value is too old, in Unix milliseconds
}

// New returns an empty KV with room for n keys.
func New(n int) *KV {
	return &KV{now: time.Now, index: make(map[string]uint32, n), slots: make([]slot, 0, n), absent: make(map[string]time.Time)}
}

// Get reads a key at the edge; nil when it isn't there.
func (k *KV) Get(key []byte) *Value {
	if len(key) > maxKey {
		return tooLong
	}
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	i, ok := k.index[string(key)]
	if !ok {
		k.miss(string(key), now)
		return nil
	}
	s := &k.slots[i]
	if ms := now.UnixMilli(); ms >= s.until {
		s.cached, s.until = s.stored, ms+cacheTTL.Milliseconds()
	}
	return s.cached
}

// miss remembers that the edge has found nothing.
func (k *KV) miss(key string, now time.Time) {
	if now.Before(k.absent[key]) {
		return
	}
	if len(k.absent) >= maxAbsent {
		clear(k.absent)
	}
	k.absent[key] = now.Add(cacheTTL)
}

// Put writes one value under keys: in bulk, as the Admin app does.
func (k *KV) Put(v *Value, keys ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		i, ok := k.index[key]
		if !ok {
			i = uint32(len(k.slots)) // #nosec G115 -- a key takes more than a byte
			k.index[key] = i
			k.slots = append(k.slots, slot{until: k.absent[key].UnixMilli()})
			delete(k.absent, key)
		}
		k.slots[i].stored = v
	}
}

// PutBands writes a value for bands under both of their keys, and keeps those together in memory.
func (k *KV) PutBands(v *Value, slug, eventID string, bands []string) {
	const batch = 10_000 // keys in one request of Cloudflare's
	for len(bands) > 0 {
		n := min(len(bands), batch/2)
		k.Put(v, Keys(slug, eventID, bands[:n])...)
		bands = bands[n:]
	}
}

// Keys are the keys of bands: "SLUG:BAND" and "evt:EVENT:BAND".
func Keys(slug, eventID string, bands []string) []string {
	var all strings.Builder
	for _, band := range bands {
		all.WriteString(slug + ":" + band)
		all.WriteString("evt:" + eventID + ":" + band)
	}
	keys, rest := make([]string, 0, 2*len(bands)), all.String()
	for _, band := range bands {
		for _, n := range []int{len(slug) + 1 + len(band), len("evt:") + len(eventID) + 1 + len(band)} {
			keys, rest = append(keys, rest[:n]), rest[n:]
		}
	}
	return keys
}

// Clear deletes every key and forgets what the edge knows: the edge answers as one that has never seen a key.
func (k *KV) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.index)
	clear(k.slots)
	k.slots = k.slots[:0]
	clear(k.absent)
}

// Len is how many keys there are.
func (k *KV) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.index)
}
