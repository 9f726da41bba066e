package store

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
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
	s := open(t)
	r := NewRecorder(s)
	taps := make([]Tap, 200)
	start := time.Now()
	for range 500 { // 100,000 entries: plain miniredis would copy 80 GB
		for _, o := range r.Record(t.Context(), fill(taps)) {
			if o != recorded {
				t.Fatal(o)
			}
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if n, _ := s.LLen(t.Context(), Queue).Result(); n != 100_000 {
		t.Errorf("%d entries", n)
	}
}

var recorded = Outcome{Queued: true}

func fill(taps []Tap) []Tap {
	for i := range taps {
		taps[i] = Tap{EventID: event.All[0].ID, Mode: "live", Band: event.All[0].BandID(i + 1), At: time.Now(), Entry: strconv.Itoa(i)}
	}
	return taps
}

func TestEightCommands(t *testing.T) {
	s := open(t)
	at := time.Date(2026, 3, 1, 18, 30, 7, 0, time.UTC)
	e := event.All[1].ID
	got := NewRecorder(s).Record(t.Context(), []Tap{{e, "live", "b1", at, "x"}, {e, "pre", "b2", at, "y"}, {e, "live", "b1", at, "z"}})
	if fmt.Sprint(got) != fmt.Sprint([]Outcome{recorded, recorded, recorded}) {
		t.Fatal(got)
	}
	velocity := VelocityKey(e, at.Unix()/10)
	for _, c := range []struct {
		want string
		got  any
	}{
		{"3", s.Get(t.Context(), "analytics:"+e+":taps:total").Val()},
		{"2", s.PFCount(t.Context(), "analytics:"+e+":taps:unique").Val()},
		{"3", s.Get(t.Context(), "analytics:"+e+":taps:hourly:2026-03-01T18").Val()},
		{"2", s.Get(t.Context(), "analytics:"+e+":mode:live").Val()},
		{"1", s.Get(t.Context(), "analytics:"+e+":mode:pre").Val()},
		{"3", s.Get(t.Context(), velocity).Val()},
		{"[z y x]", s.LRange(t.Context(), "tap-log:pending", 0, -1).Val()},
		{"3", s.Get(t.Context(), "monitoring:taps:received").Val()},
	} {
		if fmt.Sprint(c.got) != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if ttl := s.TTL(t.Context(), velocity).Val(); ttl < 1790*time.Second || ttl > 1800*time.Second {
		t.Errorf("velocity expires in %v", ttl)
	}
}

// TestAFailingCommand is one of a tap's eight: the tap is queued all the same, as the others are executed.
func TestAFailingCommand(t *testing.T) {
	s := open(t)
	tap := fill(make([]Tap, 1))
	s.RPush(t.Context(), TotalKey(tap[0].EventID), "no number")
	if got := NewRecorder(s).Record(t.Context(), tap); got[0] != (Outcome{Queued: true, Failed: true}) {
		t.Error(got)
	}
	if n := s.Get(t.Context(), Received).Val(); n != "1" {
		t.Errorf("%s received", n)
	}
}

func TestFailures(t *testing.T) {
	s := open(t)
	for i := range 3 {
		f := Failure{Kind: "no_org_slug", BandID: strconv.Itoa(i), Reason: "r", RedirectTo: "u"}
		if err := s.CountFailure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CountLogFailed(t.Context(), "e"); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(s.Get(t.Context(), "monitoring:errors:no_org_slug").Val(), s.LLen(t.Context(), "monitoring:errors:log").Val(),
		s.Get(t.Context(), "monitoring:errors:worker_log_failed").Val(), s.HGetAll(t.Context(), "monitoring:errors:event:e").Val())
	if got != "3 3 1 map[worker_log_failed:1]\n" {
		t.Error(got)
	}
	if entry := s.LIndex(t.Context(), "monitoring:errors:log", 0).Val(); !strings.Contains(entry, `"bandId":"2","eventId":null,"reason":"r","redirectTo":"u"`) {
		t.Error(entry)
	}
}

func TestNatively(t *testing.T) {
	s := embed(t)
	s.Stop()
	start := time.Now()
	err := Natively(t.Context(), func(ctx context.Context) error { return s.Ping(ctx).Err() })
	if took := time.Since(start); err != ErrTimeout || took < commandTime || took > 2*commandTime {
		t.Errorf("%v after %v", err, took)
	}
	time.AfterFunc(300*time.Millisecond, func() { s.Start() })
	if err := Natively(t.Context(), func(ctx context.Context) error { return s.Ping(ctx).Err() }); err != nil {
		t.Error(err)
	}
	if err := Natively(t.Context(), func(ctx context.Context) error { return s.Get(ctx, "no").Err() }); err != redis.Nil {
		t.Error(err)
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
	if o := r.Record(t.Context(), tap); o[0] != (Outcome{Failed: true}) {
		t.Error("takes taps while stopped", o)
	}
	if n, _ := s.Depth(t.Context()); n != 1 {
		t.Errorf("depth %d while stopped", n)
	}
	if other, err := net.Listen("tcp", s.embedded.addr); err == nil {
		other.Close()
		t.Error("its address is anybody's while it is stopped")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.LLen(t.Context(), Queue).Result(); n != 1 || err != nil {
		t.Error("its data is gone:", n, err)
	}
}

func TestCrash(t *testing.T) {
	s := embed(t)
	r := NewRecorder(s)
	tap := fill(make([]Tap, 1))
	r.Record(t.Context(), tap)
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Error("something is left:", n, err)
	}
	if n, _ := s.Depth(t.Context()); n != 0 {
		t.Errorf("depth %d", n)
	}
	if o := r.Record(t.Context(), tap); o[0] != recorded {
		t.Error(o)
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
	for _, o := range NewRecorder(s).Record(t.Context(), fill(make([]Tap, 3))) {
		if o != recorded {
			t.Fatal(o)
		}
	}
	if s.Stop() != ErrRemote || s.Start() != ErrRemote || s.Crash() != ErrRemote {
		t.Error("stopped a server that isn't ours")
	}
	if _, err := Open(t.Context(), url, ""); err == nil {
		t.Error("took over a queue that was there")
	}
	if err := s.Close(); err != nil || keys() != before {
		t.Errorf("left %v, found %v, %v", keys(), before, err)
	}
	for _, key := range []string{Queue, Received, "analytics:" + event.All[0].ID + ":taps:total"} {
		other.RPush(t.Context(), key, "x")
		if _, err := Open(t.Context(), url, ""); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s was there: %v", key, err)
		}
		other.Del(t.Context(), key)
	}
}
