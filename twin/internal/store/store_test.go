package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// open opens the Redis of TWIN_TEST_REDIS_URL, or an embedded one.
func open(t *testing.T) *Store { return openAt(t, os.Getenv("TWIN_TEST_REDIS_URL")) }

func embed(t *testing.T) *Store { return openAt(t, "") }

func openAt(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestSameAsMiniredis runs the same commands on the store and on plain miniredis: keeping LPUSHes back shows nowhere.
func TestSameAsMiniredis(t *testing.T) {
	const take = `local b = redis.call('LRANGE', KEYS[1], -2, -1) redis.call('LTRIM', KEYS[1], 0, -3) return b`
	for name, commands := range map[string][][]any{
		"lengths":      {{"LPUSH", Queue, "a"}, {"LPUSH", Queue, "b", "c"}, {"LLEN", Queue}, {"LPUSH", Queue, "d"}, {"LRANGE", Queue, 0, -1}},
		"other ends":   {{"RPUSH", Queue, "r"}, {"LPUSH", Queue, "l"}, {"RPOP", Queue}, {"LPUSH", Queue, "m"}, {"LPOP", Queue}, {"LRANGE", Queue, 0, -1}},
		"trim":         {{"LPUSH", Queue, "a", "b", "c", "d"}, {"LTRIM", Queue, 0, 1}, {"LPUSH", Queue, "e"}, {"LRANGE", Queue, 0, -1}},
		"trim to none": {{"LPUSH", Queue, "a"}, {"LTRIM", Queue, 1, 0}, {"EXISTS", Queue}, {"LPUSH", Queue, "b"}, {"LLEN", Queue}},
		"script":       {{"LPUSH", Queue, "a", "b", "c"}, {"EVAL", take, 1, Queue}, {"LPUSH", Queue, "d"}, {"EVAL", take, 1, Queue}, {"LLEN", Queue}},
		"script push":  {{"LPUSH", Queue, "a"}, {"EVAL", "return redis.call('LPUSH', KEYS[1], 'b')", 1, Queue}, {"LRANGE", Queue, 0, -1}},
		"transaction":  {{"LPUSH", Queue, "a"}, {"MULTI"}, {"LPUSH", Queue, "b"}, {"LLEN", Queue}, {"EXEC"}, {"LPUSH", Queue, "c"}, {"LRANGE", Queue, 0, -1}},
		"discard":      {{"MULTI"}, {"LPUSH", Queue, "b"}, {"DISCARD"}, {"LPUSH", Queue, "c"}, {"LRANGE", Queue, 0, -1}},
		"wrong type":   {{"SET", Queue, "x"}, {"LPUSH", Queue, "a"}, {"GET", Queue}},
		"overwritten":  {{"LPUSH", Queue, "a"}, {"INCR", Queue}, {"SET", Queue, "1"}, {"INCR", Queue}, {"LPUSH", Queue, "a"}},
		"renamed":      {{"LPUSH", Queue, "a"}, {"RENAME", Queue, "k"}, {"LPUSH", Queue, "b"}, {"LRANGE", "k", 0, -1}, {"LLEN", Queue}, {"DBSIZE"}},
		"expiry":       {{"LPUSH", Queue, "a"}, {"EXPIRE", Queue, 100}, {"LPUSH", Queue, "b"}, {"TTL", Queue}, {"LLEN", Queue}},
		"flushed":      {{"LPUSH", Queue, "a"}, {"FLUSHALL"}, {"LLEN", Queue}, {"LPUSH", Queue, "b"}},
		"arguments":    {{"LPUSH", Queue}, {"lpush", Queue, "a"}, {"LLEN", Queue}},
		"database 1":   {{"LPUSH", Queue, "a"}, {"SELECT", 1}, {"LPUSH", Queue, "b"}, {"LRANGE", Queue, 0, -1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := replies(t, embed(t).URL, commands), replies(t, "redis://"+miniredis.RunT(t).Addr(), commands)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestSameAsMiniredisAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var commands [][]any
	for i := range 2000 {
		commands = append(commands, [][]any{
			{"LPUSH", Queue, i}, {"LPUSH", Queue, i, -i}, {"LPUSH", Queue, i}, {"LLEN", Queue}, {"RPOP", Queue}, {"RPUSH", Queue, i},
			{"LTRIM", Queue, 0, random.IntN(9)}, {"LINDEX", Queue, random.IntN(9)}, {"INCR", "n"}, {"LPUSH", "other", i}, {"DEL", Queue},
		}[random.IntN(11)])
	}
	if !reflect.DeepEqual(replies(t, embed(t).URL, commands), replies(t, "redis://"+miniredis.RunT(t).Addr(), commands)) {
		t.Error("the store answers differently")
	}
}

// replies runs commands on one connection.
func replies(t *testing.T, url string, commands [][]any) (all []string) {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := dial(opt)
	defer client.Close()
	conn := client.Conn()
	defer conn.Close()
	for _, c := range commands {
		v, err := conn.Do(t.Context(), c...).Result()
		all = append(all, fmt.Sprint(c, v, err))
	}
	return all
}

func TestWatchSeesAPush(t *testing.T) {
	s := open(t)
	err := s.Watch(t.Context(), func(tx *redis.Tx) error {
		s.LPush(t.Context(), Queue, "a")
		_, err := tx.TxPipelined(t.Context(), func(p redis.Pipeliner) error { p.Set(t.Context(), "k", 1, 0); return nil })
		return err
	}, Queue)
	if err != redis.TxFailedErr {
		t.Errorf("got %v", err)
	}
}

func TestManyPushesAreQuick(t *testing.T) {
	r := NewRecorder(open(t))
	taps := make([]Tap, 200)
	start := time.Now()
	for range 500 { // 100,000 entries: plain miniredis would copy 80 GB
		if n, err := r.Record(t.Context(), fill(taps)); n != len(taps) || err != nil {
			t.Fatal(n, err)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if n, _ := r.store.LLen(t.Context(), Queue).Result(); n != 100_000 {
		t.Errorf("%d entries", n)
	}
}

func fill(taps []Tap) []Tap {
	for i := range taps {
		taps[i] = Tap{Event: event.All[0], Band: event.All[0].BandID(i + 1), At: time.Now(), Entry: strconv.Itoa(i)}
	}
	return taps
}

func TestSevenCommands(t *testing.T) {
	s := open(t)
	at := time.Date(2026, 3, 1, 18, 30, 7, 0, time.UTC)
	e := event.All[1]
	if n, err := NewRecorder(s).Record(t.Context(), []Tap{{e, "b1", at, "x"}, {e, "b2", at, "y"}, {e, "b1", at, "z"}}); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	bucket := strconv.FormatInt(at.Unix()/10, 10)
	for _, c := range []struct {
		want string
		got  any
	}{
		{"3", s.Get(t.Context(), "analytics:loadtest-dallas:taps:total").Val()},
		{"2", s.PFCount(t.Context(), "analytics:loadtest-dallas:taps:unique").Val()},
		{"3", s.Get(t.Context(), "analytics:loadtest-dallas:taps:hourly:2026-03-01T18").Val()},
		{"3", s.Get(t.Context(), "analytics:loadtest-dallas:mode:live").Val()},
		{"3", s.Get(t.Context(), "analytics:loadtest-dallas:velocity:"+bucket).Val()},
		{"[z y x]", s.LRange(t.Context(), Queue, 0, -1).Val()},
	} {
		if fmt.Sprint(c.got) != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if ttl := s.TTL(t.Context(), "analytics:loadtest-dallas:velocity:"+bucket).Val(); ttl < 1790*time.Second || ttl > 1800*time.Second {
		t.Errorf("velocity expires in %v", ttl)
	}
}

func TestTimePasses(t *testing.T) {
	s := open(t)
	s.Set(t.Context(), "k", "v", time.Second)
	for start := time.Now(); s.Exists(t.Context(), "k").Val() == 1; time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the key never expires")
		}
	}
}

func TestStopAndStart(t *testing.T) {
	s := embed(t)
	r := NewRecorder(s)
	tap := fill(make([]Tap, 1))
	r.Record(t.Context(), tap)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if s.Ping(t.Context()).Err() == nil {
		t.Error("answers while stopped")
	}
	if n, err := r.Record(t.Context(), tap); n != 0 || err == nil {
		t.Error("takes taps while stopped")
	}
	if n, _ := s.Depth(t.Context()); n != 1 {
		t.Errorf("depth %d while stopped", n)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.LLen(t.Context(), Queue).Result(); n != 1 || err != nil {
		t.Error("its data is gone:", n, err)
	}
}

func TestBlockingCommandsAreRefused(t *testing.T) {
	s := embed(t)
	if err := s.BRPop(t.Context(), time.Minute, Queue).Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR the twin") {
		t.Error(err)
	}
}

// TestRealRedis works beside somebody else's keys, in the Redis of TWIN_TEST_REDIS_URL or in a plain miniredis, and
// refuses what it would have to take for its own.
func TestRealRedis(t *testing.T) {
	url := cmp.Or(os.Getenv("TWIN_TEST_REDIS_URL"), "redis://"+miniredis.RunT(t).Addr())
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	other := dial(opt)
	defer other.Close()
	keys := func() string {
		found := other.Keys(context.Background(), "*").Val()
		slices.Sort(found)
		return fmt.Sprint(found)
	}
	others := []string{"analytics:another-event:taps:total", "tap-log:other"}
	for _, key := range others {
		other.Set(t.Context(), key, 1, 0)
	}
	defer other.Del(context.Background(), others...)
	before := keys()

	s, err := Open(context.Background(), url, "")
	if err != nil {
		t.Fatal(err)
	}
	s.RPush(t.Context(), Taken, "x")
	if n, err := NewRecorder(s).Record(t.Context(), fill(make([]Tap, 3))); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if s.Stop() != ErrRemote || s.Start() != ErrRemote {
		t.Error("stopped a server that isn't ours")
	}
	if _, err := Open(t.Context(), url, ""); err == nil {
		t.Error("took over a queue that was there")
	}
	if err := s.Close(); err != nil || keys() != before {
		t.Errorf("left %v, found %v, %v", keys(), before, err)
	}
	for _, key := range []string{Queue, Taken, "analytics:" + event.All[0].ID + ":taps:total"} {
		other.RPush(t.Context(), key, "x")
		if _, err := Open(t.Context(), url, ""); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s was there: %v", key, err)
		}
		other.Del(t.Context(), key)
	}
}
