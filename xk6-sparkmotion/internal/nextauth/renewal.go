package nextauth

import (
	"context"
	"errors"
	"sync"
)

// Sessions are the renewals of a process, by the cookie that was refused.
type Sessions struct {
	mu       sync.Mutex
	next     map[string]successor
	underWay map[string]chan struct{} // closed at a renewal's end
}

// Renewer sends one VU's requests in sessions that are renewed when they expire.
type Renewer struct {
	Sessions *Sessions
	tried    string // the session that this VU has logged in again for
}

// errTried keeps a VU from a second login for one session.
var errTried = errors.New("the login failed before")

// Send sends a request in the newest session after cookie's. When the server no longer knows that, and login is not nil, it sends
// it again in a session that login, or another VU's, has given. Send's error is about that login, of which there is one for each
// session and VU; a VU that is cut off meanwhile says nothing of the session.
func (r *Renewer) Send(ctx context.Context, cookie string, login func() (string, error), send func(cookie string) (known bool)) error {
	cookie = r.Sessions.latest(cookie)
	if send(cookie) || login == nil {
		return nil
	}
	next, err := r.Sessions.renew(ctx, cookie, func() (string, error) {
		if r.tried == cookie {
			return "", errTried
		}
		r.tried = cookie
		return login()
	})
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // cut off, it knows nothing of the session
	case err != nil:
		return err
	case !send(next):
		r.Sessions.giveUp(next)
	}
	return nil
}

// successor is what came after a session: another's cookie, or why there will be none.
type successor struct {
	cookie string
	err    error
}

// latest returns the newest session after cookie's.
func (s *Sessions) latest(cookie string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for next := s.next[cookie]; next.cookie != ""; next = s.next[cookie] {
		cookie = next.cookie
	}
	return cookie
}

// renew returns the session after dead's, by login unless another VU has made it or is about to: it then waits. When that
// one fails, the next one tries.
func (s *Sessions) renew(ctx context.Context, dead string, login func() (string, error)) (string, error) {
	for {
		next, known, other := s.claim(dead)
		if known {
			return s.latest(next.cookie), next.err
		}
		if other == nil {
			cookie, err := login()
			s.settle(dead, cookie, err)
			return cookie, err
		}
		select {
		case <-other:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// claim gives dead's successor if it is known, else the renewal that is under way; without either, it is the caller's.
func (s *Sessions) claim(dead string) (next successor, known bool, other <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, known = s.next[dead]; known {
		return next, true, nil
	}
	if other, busy := s.underWay[dead]; busy {
		return successor{}, false, other
	}
	if s.next == nil {
		s.next, s.underWay = make(map[string]successor), make(map[string]chan struct{})
	}
	s.underWay[dead] = make(chan struct{})
	return successor{}, false, nil
}

func (s *Sessions) settle(dead, cookie string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.next, cookie) // a server that gives a session again must not lead in a circle
		if cookie != dead {
			s.next[dead] = successor{cookie: cookie}
		}
	}
	close(s.underWay[dead])
	delete(s.underWay, dead)
}

// giveUp notes that a new session was refused at once, so that it did not expire; unless another VU has renewed it.
func (s *Sessions) giveUp(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next[cookie].cookie != "" {
		return
	}
	s.next[cookie] = successor{err: errors.New("the server also refuses the session of a new login")}
}
