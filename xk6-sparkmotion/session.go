package sparkmotion

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

// session is what login returned, as a query needs it.
type session struct {
	cookie string
	renew  bool
}

// sessionOf reads a session; null is for procedures that need none.
func (m *module) sessionOf(value sobek.Value) (session, error) {
	if common.IsNullish(value) {
		return session{}, nil
	}
	object := value.ToObject(m.vu.Runtime())
	cookie, renew := object.Get("cookie"), object.Get("renew")
	if common.IsNullish(cookie) {
		return session{}, errors.New("the session must be what login() returned: it has no cookie")
	}
	return session{cookie: cookie.String(), renew: renew != nil && renew.ToBoolean()}, nil
}

// withSession sends a request in the session s, and again in a new one when the server no longer knew it and it may be
// renewed. What is wrong with the renewal is logged once; the request's own error is the caller's.
func (m *module) withSession(s session, c *trpc.Client, send func() (known bool)) {
	c.Cookie = m.run.sessions.latest(s.cookie)
	if send() || !s.renew {
		return
	}
	cookie, err := m.run.sessions.renew(m.context(), c.Cookie, m.logInAgain)
	if m.context().Err() != nil {
		return // cut off with the VU: that says nothing of the session
	}
	if err != nil {
		m.run.notices.once("renew "+err.Error(), func() {
			m.logger().Warnf("The session has expired, and there is no new one: %v", err)
		})
		return
	}
	c.Cookie = cookie
	if !send() {
		m.run.sessions.giveUp(cookie)
	}
}

// errTried keeps a VU from a second login for one session.
var errTried = errors.New("the login failed before")

// logInAgain makes the login of the settings, once a VU for the session dead.
func (m *module) logInAgain(dead string) (string, error) {
	if m.renewed == dead {
		return "", errTried
	}
	m.renewed = dead
	var o loginOptions
	if err := m.options("login", nil, &o); err != nil {
		return "", err
	}
	s, err := m.session(o)
	if err != nil {
		return "", err
	}
	m.logger().Warnf("The session has expired: logged in again as %s", o.Email)
	return s.Cookie, nil
}

// sessions are the renewals of a process, by the cookie that was refused.
type sessions struct {
	mu       sync.Mutex
	next     map[string]successor
	underWay map[string]chan struct{} // closed at a renewal's end
}

// successor is what came after a session: another's cookie, or why there will be none.
type successor struct {
	cookie string
	err    error
}

// latest is the newest session after cookie's.
func (s *sessions) latest(cookie string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for next := s.next[cookie]; next.cookie != ""; next = s.next[cookie] {
		cookie = next.cookie
	}
	return cookie
}

// renew gives the session after dead's, by login unless another VU has made it or is about to: it then waits. When that
// one fails, the next one tries.
func (s *sessions) renew(ctx context.Context, dead string, login func(dead string) (string, error)) (string, error) {
	for {
		next, known, other := s.claim(dead)
		if known {
			return s.latest(next.cookie), next.err
		}
		if other == nil {
			cookie, err := login(dead)
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
func (s *sessions) claim(dead string) (next successor, known bool, other <-chan struct{}) {
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

func (s *sessions) settle(dead, cookie string, err error) {
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
func (s *sessions) giveUp(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next[cookie].cookie != "" {
		return
	}
	s.next[cookie] = successor{err: errors.New("the server also refuses the session of a new login")}
}

// expired tells whether err says that the server does not know the session.
func expired(err error) bool {
	return err != nil && properties(err)["status"] == http.StatusUnauthorized
}
