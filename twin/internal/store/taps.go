package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// Tap is a served tap on its way into the store.
type Tap struct {
	Event *event.Event
	Band  string
	At    time.Time
	Entry string // its JSON for the queue
}

// commandsPerTap is the length of the Worker's pipeline.
const commandsPerTap = 7

// Recorder writes taps into the store, many in one go. It isn't for concurrent use.
type Recorder struct {
	store   *Store
	recipes map[*event.Event]*recipe
	replies bytes.Buffer
	peer    *server.Peer
}

// NewRecorder returns a recorder for s.
func NewRecorder(s *Store) *Recorder {
	r := &Recorder{store: s, recipes: make(map[*event.Event]*recipe)}
	r.peer = server.NewPeer(bufio.NewWriter(&r.replies))
	return r
}

// Record executes the seven commands of every tap, in order, and returns how many of the taps' LPUSHes the store
// acknowledged. err is the first thing that went wrong.
func (r *Recorder) Record(ctx context.Context, taps []Tap) (queued int, err error) {
	if r.store.embedded != nil {
		return r.inProcess(taps)
	}
	return r.pipelined(ctx, taps)
}

// inProcess hands the commands to the embedded server without a socket: at 40,000 taps/s the server's write
// per reply would be 280,000 system calls a second.
func (r *Recorder) inProcess(taps []Tap) (int, error) {
	r.replies.Reset()
	err := r.store.embedded.batch(func(run func(*server.Peer, []string)) {
		for i := range taps {
			for _, command := range r.recipe(&taps[i]) {
				run(r.peer, command)
			}
		}
	})
	if err != nil {
		return 0, err
	}
	r.peer.Flush()
	return countPushed(r.replies.Bytes())
}

// countPushed reads the replies to whole pipelines, one line each, the last of every seven being LPUSH's.
func countPushed(replies []byte) (queued int, err error) {
	for i := 0; len(replies) > 0; i++ {
		line, rest, _ := bytes.Cut(replies, []byte("\r\n"))
		replies = rest
		switch {
		case line[0] == '-' && err == nil:
			err = errors.New(string(line[1:]))
		case line[0] != '-' && i%commandsPerTap == commandsPerTap-1:
			queued++
		}
	}
	return queued, err
}

// pipelined sends the commands to a real Redis, in one round trip.
func (r *Recorder) pipelined(ctx context.Context, taps []Tap) (queued int, err error) {
	pipe := r.store.Pipeline()
	for i := range taps {
		for _, command := range r.recipe(&taps[i]) {
			args := make([]any, len(command))
			for j, a := range command {
				args[j] = a
			}
			pipe.Do(ctx, args...)
		}
	}
	replies, err := pipe.Exec(ctx)
	for i := commandsPerTap - 1; i < len(replies); i += commandsPerTap {
		if replies[i].Err() == nil {
			queued++
		}
	}
	return queued, err
}

// recipe is the pipeline of one event's taps in one ten-second bucket: only two of its arguments differ by tap.
type recipe struct {
	bucket   int64
	commands [commandsPerTap][]string
}

// recipe returns the seven commands of a tap; they are good until the next call.
func (r *Recorder) recipe(t *Tap) [][]string {
	re := r.recipes[t.Event]
	if bucket := t.At.Unix() / 10; re == nil || re.bucket != bucket {
		re = newRecipe(t.Event, bucket)
		r.recipes[t.Event] = re
	}
	re.commands[1][2] = t.Band
	re.commands[6][2] = t.Entry
	return re.commands[:]
}

func newRecipe(e *event.Event, bucket int64) *recipe {
	velocity := VelocityKey(e.ID, bucket)
	return &recipe{bucket: bucket, commands: [commandsPerTap][]string{
		{"INCR", "analytics:" + e.ID + ":taps:total"},
		{"PFADD", "analytics:" + e.ID + ":taps:unique", ""},
		{"INCR", HourlyKey(e.ID, time.Unix(bucket*10, 0))},
		{"INCR", "analytics:" + e.ID + ":mode:" + e.Mode},
		{"INCR", velocity},
		{"EXPIRE", velocity, "1800"},
		{"LPUSH", Queue, ""},
	}}
}

// VelocityKey counts an event's taps in one ten-second bucket: Unix time / 10.
func VelocityKey(eventID string, bucket int64) string {
	return "analytics:" + eventID + ":velocity:" + strconv.FormatInt(bucket, 10)
}

// HourlyKey counts an event's taps in the hour of t.
func HourlyKey(eventID string, t time.Time) string {
	return "analytics:" + eventID + ":taps:hourly:" + t.UTC().Format("2006-01-02T15")
}
