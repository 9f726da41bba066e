package worker

import (
	"bytes"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// tap answers GET /e: 302 to the event's page for a band in the KV.
func (w *Worker) tap(ctx *fasthttp.RequestCtx) {
	query := ctx.QueryArgs()
	band := query.Peek("bandId")
	if len(band) == 0 {
		w.badRequests.Add(1)
		ctx.Error("Missing bandId", fasthttp.StatusBadRequest)
		return
	}
	e := w.kv[string(band)]
	if e == nil {
		w.forward(ctx)
		return
	}
	w.hits.Add(1)
	w.redirects.Add(1)
	url := withUTM(e.URL, query)
	ctx.SetStatusCode(fasthttp.StatusFound)
	ctx.Response.Header.Set(fasthttp.HeaderLocation, url)
	w.backlog.add(entry(ctx, e, string(band), url)) // recorded after the answer, as by waitUntil
}

// withUTM returns the page's URL with the request's utm_* parameters appended.
func withUTM(page string, query *fasthttp.Args) string {
	var url []byte
	for key, value := range query.All() {
		if !bytes.HasPrefix(key, []byte("utm_")) {
			continue
		}
		separator := byte('&')
		if url == nil {
			url = append(make([]byte, 0, 256), page...)
			if !strings.Contains(page, "?") {
				separator = '?'
			}
		}
		url = appendQuoted(append(url, separator), key)
		url = appendQuoted(append(url, '='), value)
	}
	if url == nil {
		return page
	}
	return string(url)
}

// appendQuoted appends a name or value as URLSearchParams writes it; fasthttp's own also escapes the asterisk.
func appendQuoted(url, text []byte) []byte {
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("*-._", c) >= 0:
			url = append(url, c)
		case c == ' ':
			url = append(url, '+')
		default:
			url = append(url, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
	return url
}

// entry is what the store is told about an answered tap.
func entry(ctx *fasthttp.RequestCtx, e *event.Event, band, url string) store.Tap {
	ip := string(ctx.Request.Header.Peek("CF-Connecting-IP")) // the phone's, when there is an edge in between
	if ip == "" {
		ip = ctx.RemoteIP().String()
	}
	tap := event.Tap{
		BandID: band, EventID: e.ID, Mode: e.Mode, RedirectURL: url,
		UserAgent: string(ctx.UserAgent()), IPAddress: ip, TappedAt: time.Now(),
	}
	var room [512]byte
	return store.Tap{Event: e, Band: band, At: tap.TappedAt, Entry: string(tap.AppendJSON(room[:0]))}
}
