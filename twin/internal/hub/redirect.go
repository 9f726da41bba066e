package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// fallback is where a tap leads that leads nowhere else.
const fallback = "https://sparkmotion.net/"

// question is what a tap asks.
type question struct {
	band, eventID, orgID string
	slug                 string // of the organization, by the host or the worker's word
	utm                  [len(kv.UTM)]string
}

// page is where a band leads, as the hub keeps it in Redis.
type page struct {
	Row         string `json:"id"`
	BandID      string `json:"bandId"`
	EventID     string `json:"eventId"`
	CurrentMode string `json:"currentMode"`
	RedirectURL string `json:"redirectUrl"`
	WindowID    string `json:"windowId,omitzero"`
}

// redirect answers /e: 302 to the band's page out of the cache or the database, or to a fallback, which is recorded nowhere.
func (h *Hub) redirect(w http.ResponseWriter, r *http.Request) {
	h.slowPath.Add(1)
	q := ask(r)
	if q.band == "" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "bandId is required"})
		return
	}
	p, err := h.cached(r.Context(), q)
	if err != nil { // not caught: Next.js's own answer
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	if p == nil {
		var other string
		if p, other = h.resolve(r.Context(), q); p == nil {
			h.fallbacks.Add(1)
			leadTo(w, other)
			return
		}
	}
	h.pages.Add(1)
	answered := make(chan struct{})
	defer close(answered)
	h.record(r, q, p, answered)
	leadTo(w, q.withUTM(p.RedirectURL))
}

func ask(r *http.Request) question {
	query := r.URL.Query()
	q := question{band: query.Get("bandId"), eventID: query.Get("eventId"), orgID: query.Get("orgId"), slug: orgSlug(r.Host)}
	if q.slug == "" {
		q.slug = query.Get("orgSlug")
	}
	for i, name := range kv.UTM {
		q.utm[i] = query.Get(name)
	}
	return q
}

// orgSlug is the first label of a host that has three or more, but not of this machine's.
func orgSlug(host string) string {
	name, _, _ := strings.Cut(strings.ToLower(host), ":")
	local := strings.Contains(name, "localhost") || strings.Contains(name, "127.0.0.1") || strings.HasPrefix(name, "[")
	if labels := strings.Split(name, "."); len(labels) >= 3 && !local {
		return labels[0]
	}
	return ""
}

// withUTM sets the values that aren't empty on a page's URL.
func (q question) withUTM(text string) string {
	if q.utm == [len(kv.UTM)]string{} {
		return text
	}
	location, err := kv.NewValue(text, "", "", "").Location(q.utm)
	if err != nil {
		return text
	}
	return location
}

// leadTo answers 302 as Next.js does: chunked.
func leadTo(w http.ResponseWriter, target string) {
	if u, err := url.Parse(target); err == nil && u.Path == "" {
		u.Path = "/"
		target = u.String()
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
	_ = http.NewResponseController(w).Flush()
}

// record brings a tap into the queue and the counters, after its answer. Until then it counts as waiting: who has the answer, and asks for
// the counts, is told of it.
func (h *Hub) record(r *http.Request, q question, p *page, answered <-chan struct{}) {
	phone, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	tap := event.Tap{
		BandID: q.band, EventID: p.EventID, Mode: p.CurrentMode, WindowID: p.WindowID, RedirectURL: p.RedirectURL,
		UserAgent: r.UserAgent(), IPAddress: strings.TrimSpace(phone), TappedAt: time.Now(), UTM: q.utm,
	}
	taps := []store.Tap{{EventID: tap.EventID, Mode: tap.Mode, Band: tap.BandID, At: tap.TappedAt, Entry: string(tap.AppendJSON(nil))}}
	h.waiting.Add(1)
	h.following.Go(func() {
		defer h.waiting.Add(-1)
		<-answered
		var o store.Outcome
		_ = store.Natively(context.Background(), func(ctx context.Context) error {
			if o = h.taps.Record(ctx, taps)[0]; o.Failed && !o.Queued {
				return store.ErrTimeout // tried again until it really is
			}
			return nil
		})
		if o.Queued {
			h.queued.Add(1)
		} else {
			h.lost.Add(1)
		}
	})
}
