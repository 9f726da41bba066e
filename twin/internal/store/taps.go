package store

import (
	"bufio"
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// Tap is a served tap on its way into the store.
type Tap struct {
	EventID string
	Mode    string
	Band    string
	At      time.Time
	Entry   string // its JSON for the queue
}

// commandsPerTap is the length of a tap's pipeline, and pushes the place of its LPUSH.
const (
	commandsPerTap = 8
	pushes         = 6
)

// Outcome is what became of a tap's pipeline.
type Outcome struct {
	Queued bool // the LPUSH is acknowledged
	Failed bool // one of the commands isn't
}

// Recorder writes taps into the store, many in one go.
type Recorder struct {
	store *Store

	mu      sync.Mutex
	bucket  int64              // the recipes' ten seconds
	recipes map[recipe]*recipe // by event and mode
	replies bytes.Buffer
	peer    *server.Peer
}

// NewRecorder returns a recorder for s.
func NewRecorder(s *Store) *Recorder {
	r := &Recorder{store: s, recipes: make(map[recipe]*recipe)}
	r.peer = server.NewPeer(bufio.NewWriter(&r.replies))
	return r
}

// Record executes the eight commands of every tap, in order, and returns what became of each.
func (r *Recorder) Record(ctx context.Context, taps []Tap) []Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.store.embedded != nil {
		return r.inProcess(taps)
	}
	return r.pipelined(ctx, taps)
}

// inProcess hands the commands to the embedded server without a socket: at 40,000 taps/s the server's write
// per reply would be 320,000 system calls a second.
func (r *Recorder) inProcess(taps []Tap) []Outcome {
	r.replies.Reset()
	err := r.store.embedded.batch(func(run func(*server.Peer, []string)) {
		for i := range taps {
			for _, command := range r.commands(&taps[i]) {
				run(r.peer, command)
			}
		}
	})
	outcomes := make([]Outcome, len(taps))
	if err != nil {
		for i := range outcomes {
			outcomes[i].Failed = true
		}
		return outcomes
	}
	r.peer.Flush()
	readReplies(r.replies.Bytes(), outcomes)
	return outcomes
}

// readReplies reads the replies to whole pipelines, a line each.
func readReplies(replies []byte, outcomes []Outcome) {
	for i := 0; len(replies) > 0; i++ {
		line, rest, _ := bytes.Cut(replies, []byte("\r\n"))
		replies = rest
		outcomes[i/commandsPerTap].add(i%commandsPerTap, line[0] != '-')
	}
}

// add notes a command's reply.
func (o *Outcome) add(command int, acknowledged bool) {
	o.Queued = o.Queued || acknowledged && command == pushes
	o.Failed = o.Failed || !acknowledged
}

// pipelined sends the commands to a real Redis, in one round trip.
func (r *Recorder) pipelined(ctx context.Context, taps []Tap) []Outcome {
	pipe := r.store.Pipeline()
	for i := range taps {
		for _, command := range r.commands(&taps[i]) {
			args := make([]any, len(command))
			for j, a := range command {
				args[j] = a
			}
			pipe.Do(ctx, args...)
		}
	}
	replies, _ := pipe.Exec(ctx) // each command has its own error
	outcomes := make([]Outcome, len(taps))
	for i, reply := range replies {
		outcomes[i/commandsPerTap].add(i%commandsPerTap, reply.Err() == nil)
	}
	return outcomes
}

// recipe is the pipeline of the taps of one event and mode in ten seconds: only two of its arguments differ by tap.
type recipe struct {
	eventID, mode string
	commands      *[commandsPerTap][]string // nil in a map's key
}

// commands returns the eight commands of a tap; they are good until the next call.
func (r *Recorder) commands(t *Tap) [][]string {
	if bucket := t.At.Unix() / 10; bucket != r.bucket {
		r.bucket = bucket
		clear(r.recipes)
	}
	key := recipe{eventID: t.EventID, mode: t.Mode}
	re := r.recipes[key]
	if re == nil {
		re = newRecipe(t.EventID, t.Mode, r.bucket)
		r.recipes[key] = re
	}
	re.commands[1][2] = t.Band
	re.commands[pushes][2] = t.Entry
	return re.commands[:]
}

func newRecipe(eventID, mode string, bucket int64) *recipe {
	velocity := VelocityKey(eventID, bucket)
	return &recipe{commands: &[commandsPerTap][]string{
		{"INCR", TotalKey(eventID)},
		{"PFADD", UniqueKey(eventID), ""},
		{"INCR", HourlyKey(eventID, time.Unix(bucket*10, 0))},
		{"INCR", ModeKey(eventID, mode)},
		{"INCR", velocity},
		{"EXPIRE", velocity, "1800"},
		{"LPUSH", Queue, ""},
		{"INCR", Received},
	}}
}
