package nextauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"time"
)

// Fill puts a session into a cookie jar as the answer to its login would have, in place of an earlier session's cookies: one in fewer
// chunks must not keep the last of these. It is an error when the jar would not send the session to its application.
func (s *Session) Fill(jar *cookiejar.Jar) error {
	origin, err := url.Parse(s.URL)
	if err != nil || origin.Host == "" || len(s.Cookies) == 0 {
		return errors.New("the session must be what login() returned: it has no url, or no cookies")
	}
	jar.SetCookies(origin, append(s.stale(jar.Cookies(origin)), s.Cookies...))
	kept := jar.Cookies(origin)
	for _, c := range s.Cookies {
		if !slices.ContainsFunc(kept, func(k *http.Cookie) bool { return k.Name == c.Name && k.Value == c.Value }) {
			return fmt.Errorf("the cookie %s would not be sent to %s: %s", c.Name, s.URL, unfit(c, origin))
		}
	}
	return nil
}

// stale are the cookies of an earlier session, to be deleted where this one's are set.
func (s *Session) stale(had []*http.Cookie) []*http.Cookie {
	var stale []*http.Cookie
	for _, c := range had {
		if match := sessionName.FindStringSubmatch(c.Name); match != nil && match[1] == s.Name {
			stale = append(stale, &http.Cookie{Name: c.Name, Domain: s.Cookies[0].Domain, Path: s.Cookies[0].Path, MaxAge: -1}) // #nosec G124 -- deletes one
		}
	}
	return stale
}

// Expired reports whether the session has expired, by what the application said about it.
func (s *Session) Expired() bool {
	expires, err := time.Parse(time.RFC3339, s.Expires)
	return err == nil && expires.Before(time.Now())
}
