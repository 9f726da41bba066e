package kv

import (
	"fmt"
	"strconv"
	"testing"
	"time"
)

func TestTheEdgeKeepsWhatItHasRead(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	k := New(2)
	k.now = func() time.Time { return now }
	old, fresh := NewValue("https://a/old", "e", "pre", ""), NewValue("https://a/new", "e", "live", "w")
	get := func(key string) string {
		if v := k.Get([]byte(key)); v != nil {
			return v.URL
		}
		return "nothing"
	}
	k.Put(old, "read", "unread")
	get("read")
	get("absent")
	k.Put(fresh, "read", "unread", "absent")
	for _, c := range []struct {
		wait time.Duration
		want string
	}{
		{0, "https://a/old https://a/new nothing"},
		{cacheTTL - time.Millisecond, "https://a/old https://a/new nothing"},
		{time.Millisecond, "https://a/new https://a/new https://a/new"},
	} {
		now = now.Add(c.wait)
		if got := get("read") + " " + get("unread") + " " + get("absent"); got != c.want {
			t.Errorf("%v later: %s", c.wait, got)
		}
	}
	k.Clear()
	if got := get("read"); got != "nothing" || k.Len() != 0 {
		t.Error(got, k.Len())
	}
}

func TestAbsentKeysAreBounded(t *testing.T) {
	k := New(0)
	for i := range maxAbsent + 10 {
		k.Get([]byte(strconv.Itoa(i)))
	}
	if len(k.absent) > maxAbsent {
		t.Errorf("%d", len(k.absent))
	}
}

func TestBulk(t *testing.T) {
	k := New(0)
	bands := make([]string, 12_345)
	for i := range bands {
		bands[i] = fmt.Sprintf("B-%d", i)
	}
	k.PutBands(NewValue("https://a/", "e", "live", "w"), "org", "e", bands)
	for _, key := range []string{"org:B-0", "evt:e:B-0", "org:B-12344", "evt:e:B-12344"} {
		if k.Get([]byte(key)) == nil {
			t.Errorf("no %s", key)
		}
	}
	if k.Get([]byte("B-0")) != nil || k.Len() != 2*len(bands) {
		t.Errorf("%d keys", k.Len())
	}
}

func TestLocation(t *testing.T) {
	for _, c := range []struct {
		page   string
		values [5]string
		want   string
	}{
		{"https://a.b/live", [5]string{"x"}, "https://a.b/live?utm_source=x"},
		{"https://a.b", [5]string{"x"}, "https://a.b/?utm_source=x"},
		{"https://a.b/live", [5]string{}, "https://a.b/live"},
		{"https://a.b/?x=1&utm_source=old&y&utm_source=older", [5]string{"new", "", "c d*~&ü"}, "https://a.b/?x=1&utm_source=new&y=&utm_campaign=c+d*%7E%26%C3%BC"},
		{"https://a.b/p#part", [5]string{4: "t"}, "https://a.b/p?utm_content=t#part"},
		{"https://a.b/p", [5]string{"\xff"}, "https://a.b/p?utm_source=%EF%BF%BD"},
		{"no URL", [5]string{"x"}, "the value's url is no URL"},
	} {
		v := NewValue(c.page, "e", "live", "")
		for range 2 { // a value stays as it is
			got, err := v.Location(c.values)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.page, got, c.want)
			}
		}
	}
}

func TestParse(t *testing.T) {
	if v := Parse(" null\n"); v != nil {
		t.Error(v)
	}
	if v := Parse("no JSON"); v == nil || v.Err == nil {
		t.Error("no error")
	}
	v := Parse(`{"url":"https://a/","eventId":"e","mode":"pre","windowId":null}`)
	if v.Err != nil || v.URL != "https://a/" || v.EventID != "e" || v.Mode != "pre" || v.Window() != "" {
		t.Errorf("%+v", v)
	}
}
