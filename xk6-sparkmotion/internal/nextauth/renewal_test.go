package nextauth

import (
	"context"
	"errors"
	"testing"
)

// A VU that is cut off while it logs in passes its turn on; one that is cut off while it waits goes.
func TestRenewTurn(t *testing.T) {
	t.Parallel()
	var s Sessions
	holding, drop := context.WithCancel(t.Context())
	held, dropped, passed := make(chan struct{}), make(chan error), make(chan string)
	go func() {
		_, err := s.renew(holding, "old", func() (string, error) {
			close(held)
			<-holding.Done()
			return "", holding.Err()
		})
		dropped <- err
	}()
	<-held
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.renew(gone, "old", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() {
		cookie, _ := s.renew(t.Context(), "old", func() (string, error) { return "new", nil })
		passed <- cookie
	}()
	drop()
	if err := <-dropped; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := <-passed; got != "new" {
		t.Errorf("%s: %s", "who waited for it", got)
	}
	if got := s.latest("old"); got != "new" {
		t.Errorf("%s: %s", "the newest session", got)
	}
}

// A late answer about an old session leads to the newest one, and does not undo what came after.
func TestRenewLate(t *testing.T) {
	t.Parallel()
	var s Sessions
	gives := func(cookie string) func() (string, error) {
		return func() (string, error) { return cookie, nil }
	}
	for _, pair := range [][2]string{{"a", "b"}, {"b", "c"}} {
		if got, err := s.renew(t.Context(), pair[0], gives(pair[1])); got != pair[1] || err != nil {
			t.Error(got, err)
		}
	}
	if got, err := s.renew(t.Context(), "a", nil); got != "c" || err != nil {
		t.Error(got, err)
	}
	s.giveUp("b")
	if got := s.latest("a"); got != "c" {
		t.Errorf("%s: %s", "the session", got)
	}

	// Nor does a server that gives a session again lead in a circle.
	for _, again := range []string{"c", "a"} {
		if got, err := s.renew(t.Context(), "c", gives(again)); got != again || err != nil {
			t.Error(got, err)
		}
	}
	if got := s.latest("b"); got != "a" {
		t.Errorf("%s: %s", "the session given again", got)
	}
}
