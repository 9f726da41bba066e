// Package browser opens the report's pages in a browser. It is a module of its own: what drives browsers would change the versions that k6 is
// built with.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pages are the files that the report's own tests write: of each of their reports, and of a trend of all.
func pages(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	write := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^TestPages$", "./xk6-sparkmotion/internal/report", "-args", "-pages", dir)
	write.Dir = "../.."
	if said, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%v %v", files, err)
	}
	return files
}

// profile is a directory for the browser's profile. The browser's helpers may write there for a moment after it has ended, so that it
// is removed until nobody puts anything back.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		last := time.Now().Add(30 * time.Second)
		for err := os.RemoveAll(dir); err != nil; err = os.RemoveAll(dir) {
			if time.Now().After(last) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return dir
}

// A browser shows each page without a request but for the page itself, without a word on its console, and nothing is wider than the
// window, on a phone or a desk, light or dark, with all that is folded open as well.
func TestBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium is installed")
	}
	files := pages(t)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	ctx, stop = start(ctx, t, chromium)
	defer stop()
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".html"), func(t *testing.T) {
			open(ctx, t, (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String())
		})
	}
}

// start starts a browser, which the returned function closes. Debian's chromium now and then dies of a fault of its own as it starts on a
// busy machine: it has three goes.
func start(ctx context.Context, t *testing.T, chromium string) (context.Context, func()) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.UserDataDir(profile(t)),
		chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which root can't have
	}
	for tries := 1; ; tries++ {
		allocator, kill := chromedp.NewExecAllocator(ctx, options...)
		browser, stop := chromedp.NewContext(allocator)
		err := chromedp.Run(browser)
		if err == nil {
			return browser, func() {
				defer kill()
				if err := chromedp.Cancel(browser); err != nil { // which waits until it has ended
					t.Error(err)
				}
			}
		}
		stop()
		kill()
		if tries == 3 {
			t.Fatal(err)
		}
		t.Log(err)
	}
}

// seen is what a tab tells of a page.
type seen struct {
	sync.Mutex
	requests, said []string
}

func (s *seen) event(event any) {
	s.Lock()
	defer s.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		s.requests = append(s.requests, e.Request.URL)
	case *log.EventEntryAdded:
		s.said = append(s.said, e.Entry.Text)
	case *runtime.EventConsoleAPICalled, *runtime.EventExceptionThrown:
		s.said = append(s.said, fmt.Sprintf("%T", e))
	}
}

// open opens a page in a tab of its own, and looks at it in each width and scheme.
func open(ctx context.Context, t *testing.T, page string) {
	t.Helper()
	ctx, stop := chromedp.NewContext(ctx)
	defer stop()
	var all seen
	chromedp.ListenTarget(ctx, all.event)
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(), chromedp.Navigate(page)); err != nil {
		t.Fatal(err)
	}
	for _, folded := range []string{"true", "false"} {
		for _, width := range []int64{390, 1200} {
			for _, scheme := range []string{"light", "dark"} {
				look(ctx, t, width, scheme, folded)
			}
		}
	}
	all.Lock()
	defer all.Unlock()
	if len(all.requests) != 1 || all.requests[0] != page {
		t.Errorf("it requests %v", all.requests)
	}
	if len(all.said) > 0 {
		t.Errorf("the console says %q", all.said)
	}
}

// look wants nothing wider than the window.
func look(ctx context.Context, t *testing.T, width int64, scheme, folded string) {
	t.Helper()
	var dark bool
	var widths [2]int64 // the page's and the window's
	err := chromedp.Run(ctx,
		chromedp.EmulateViewport(width, 900),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Evaluate("document.querySelectorAll('details').forEach(d => d.open = !"+folded+")", nil),
		chromedp.Evaluate("matchMedia('(prefers-color-scheme: dark)').matches", &dark),
		chromedp.Evaluate("[document.documentElement.scrollWidth, window.innerWidth]", &widths),
	)
	if err != nil {
		t.Fatal(err)
	}
	if dark != (scheme == "dark") {
		t.Errorf("in %s, dark is %v", scheme, dark)
	}
	if widths[0] > width || widths[1] != width {
		t.Errorf("folded %s, %s: it is %d wide in a window of %d, want %d", folded, scheme, widths[0], widths[1], width)
	}
}
