package ports

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// proc is a /proc of a machine with 1,000 ports.
func proc(reuse, timestamps string, waiting int) fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"sys/net/ipv4/ip_local_port_range": file("32000\t32999\n"),
		"sys/net/ipv4/tcp_tw_reuse":        file(reuse + "\n"),
		"sys/net/ipv4/tcp_timestamps":      file(timestamps + "\n"),
		"net/sockstat":                     file(fmt.Sprintf("sockets: used 13\nTCP: inuse 10 orphan 0 tw %d alloc 1 mem 132\nUDP: inuse 0 mem 0\n", waiting)),
	}
}

var (
	worker   = netip.MustParseAddrPort("104.16.0.1:443")
	loopback = netip.MustParseAddrPort("127.0.0.1:443")
	local    = netip.MustParseAddr("10.0.0.2")
)

// open opens so many connections, evenly over the seconds, and returns what the last one came to.
func open(t *testing.T, w *Watch, c Connection, n, seconds int) Use {
	t.Helper()
	begin := time.Unix(1_000_000, 0)
	var use Use
	for i := range n {
		var ok bool
		if use, ok = w.Opened(c, begin.Add(time.Duration(seconds)*time.Second*time.Duration(i)/time.Duration(n))); !ok {
			t.Fatal("not watched")
		}
	}
	return use
}

func TestUse(t *testing.T) {
	t.Parallel()
	to := func(to netip.AddrPort, bound bool) Connection { return Connection{local, to, bound} }
	const all = 1_000_000
	for name, c := range map[string]struct {
		proc        fs.FS
		to          Connection
		n, seconds  int
		held        int
		short, out  bool
		advice, not string
	}{
		"few":                    {proc("0", "1", all), to(worker, false), 690, 30, 690, false, false, "tcp_tw_reuse=1", ""},
		"short":                  {proc("0", "1", all), to(worker, false), 710, 30, 710, true, false, "tcp_tw_reuse=1", ""},
		"out":                    {proc("0", "1", all), to(worker, false), 910, 30, 910, true, true, "or widen the range", ""},
		"those of a minute":      {proc("0", "1", all), to(worker, false), 2000, 120, 1001, true, true, "tcp_tw_reuse=1", ""},
		"loopback alone reuses":  {proc("2", "1", all), to(worker, false), 910, 30, 910, true, true, "tcp_tw_reuse=1", ""},
		"on loopback":            {proc("2", "1", all), to(loopback, false), 2000, 20, 110, false, false, "widen", "tcp_tw_reuse"},
		"reused":                 {proc("1", "1", all), to(worker, false), 2000, 20, 110, false, false, "widen", "tcp_tw_reuse"},
		"not without timestamps": {proc("1", "0", all), to(worker, false), 910, 30, 910, true, true, "", ""},
		"nor of chosen ones":     {proc("1", "1", all), to(worker, true), 910, 30, 910, true, true, "more machines", "tcp_tw_reuse"},
		"the server closes":      {proc("0", "1", 40), to(worker, false), 910, 30, 50, false, false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use := open(t, &Watch{Proc: c.proc}, c.to, c.n, c.seconds)
			if use.Held != c.held || use.Ports != 1000 || use.Short() != c.short || use.Out() != c.out {
				t.Errorf("got %+v, short %v, out %v", use, use.Short(), use.Out())
			}
			if said := use.String(); !strings.Contains(said, c.advice) || c.not != "" && strings.Contains(said, c.not) {
				t.Errorf("got %q, want %q in it, and not %q", said, c.advice, c.not)
			}
		})
	}
}

func TestPeersApart(t *testing.T) {
	t.Parallel()
	w := &Watch{Proc: proc("0", "1", 1_000_000)}
	open(t, w, Connection{From: local, To: worker}, 800, 10)
	for _, other := range []Connection{{From: local, To: loopback}, {From: netip.MustParseAddr("10.0.0.3"), To: worker}} {
		if use := open(t, w, other, 10, 10); use.Held != 10 {
			t.Errorf("%+v: got %d held, want 10", other, use.Held)
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	use := Use{To: worker, Held: 25_409, Ports: 28_232, For: timeWait, reusable: true}
	const want = "new connections to 104.16.0.1:443 hold 25409 of this machine's 28232 ports, each for 1m0s: set sysctl net.ipv4.tcp_tw_reuse=1, or " +
		`widen the range (sysctl net.ipv4.ip_local_port_range="1024 65535"), or use more machines, or more addresses (--local-ips)`
	if got := use.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNotWatched(t *testing.T) {
	t.Parallel()
	for name, proc := range map[string]fs.FS{
		"no /proc":      fstest.MapFS{},
		"another range": fstest.MapFS{"sys/net/ipv4/ip_local_port_range": {Data: []byte("none")}},
	} {
		if _, ok := (&Watch{Proc: proc}).Opened(Connection{From: local, To: worker}, time.Now()); ok {
			t.Errorf("%s is watched", name)
		}
	}
	if _, ok := (&Watch{Proc: proc("0", "1", 0)}).Opened(Connection{}, time.Now()); ok {
		t.Error("a connection to nowhere is watched")
	}
}

func TestRanOut(t *testing.T) {
	t.Parallel()
	dial := func(call string, err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError(call, err)}
	}
	for want, errs := range map[bool][]error{
		true:  {dial("connect", syscall.EADDRNOTAVAIL)},
		false: {nil, errors.New("cannot assign"), dial("bind", syscall.EADDRNOTAVAIL), dial("connect", syscall.ECONNREFUSED)},
	} {
		for _, err := range errs {
			if got := RanOut(err); got != want {
				t.Errorf("%v: got %v", err, got)
			}
		}
	}
}

func FuzzSystem(f *testing.F) {
	f.Add("32768\t60999\n", "TCP: inuse 1 orphan 0 tw 89 alloc 1 mem 132")
	f.Fuzz(func(t *testing.T, ports, stat string) {
		proc := fstest.MapFS{
			"sys/net/ipv4/ip_local_port_range": {Data: []byte(ports)}, "net/sockstat": {Data: []byte("sockets: used 1\n" + stat)},
		}
		if s := readSystem(proc); s != nil && s.ports <= 0 {
			t.Errorf("%q: %d ports", ports, s.ports)
		}
		sockets(proc)
	})
}
