package worker

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"html"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// Where taps lead that can't be answered, unless FALLBACK_URL says.
const (
	hubAway   = "https://sparkmotion.io"
	unhandled = "https://sparkmotion.net"
)

// tap answers /e. Its error is one that the worker doesn't handle.
func (w *Worker) tap(ctx *fasthttp.RequestCtx) error {
	query := ctx.QueryArgs()
	band := query.Peek("bandId")
	if len(band) == 0 {
		w.badRequests.Add(1)
		answerJSON(ctx, fasthttp.StatusBadRequest, `{"error":"bandId is required"}`)
		return nil
	}
	staff, err := decode(ctx.Request.Header.Cookie("sm-scan-mode"))
	if err != nil {
		return fmt.Errorf("read the cookie sm-scan-mode: %w", err)
	}
	if staff != "" {
		w.scans.Add(1)
		ctx.SetContentType("text/html;charset=UTF-8")
		ctx.SetBodyString("<!doctype html><title>Band scanned</title><p>Band <code>" + html.EscapeString(string(band)) + "</code> is scanned.</p>")
		return nil
	}
	slug := orgSlug(ctx.Host())
	value := w.lookUp(query.Peek("eventId"), slug, band)
	if value == nil {
		w.askHub(ctx, band, slug)
		return nil
	}
	if value.Err != nil {
		return fmt.Errorf("read the KV's value: %w", value.Err)
	}
	page, err := location(value, query)
	if err != nil {
		return err
	}
	w.hits.Add(1)
	w.redirect(ctx, page)
	w.recorder.add(entry(ctx, value, string(band)))
	return nil
}

// decode undoes percent-encoding as JavaScript does, which refuses what is no UTF-8.
func decode(text []byte) (string, error) {
	plain, err := url.PathUnescape(string(text))
	if err == nil && !utf8.ValidString(plain) {
		err = errNoUTF8
	}
	return plain, err
}

var errNoUTF8 = errors.New("it is no UTF-8")

// orgSlug is the first label of a host that has three or more, "" for another host. An address such as 127.0.0.1 has four.
func orgSlug(host []byte) string {
	if bytes.HasPrefix(host, []byte("[")) {
		return ""
	}
	name, _, _ := bytes.Cut(host, []byte(":"))
	if bytes.Count(name, []byte(".")) < 2 {
		return ""
	}
	slug, _, _ := bytes.Cut(name, []byte("."))
	return string(bytes.ToLower(slug))
}

// lookUp reads the KV by the key of the link's form. Without an event, and on a host without an organization, there's none.
func (w *Worker) lookUp(eventID []byte, slug string, band []byte) *kv.Value {
	key := make([]byte, 0, 128)
	switch {
	case len(eventID) > 0:
		key = append(append(key, "evt:"...), eventID...)
	case slug != "":
		key = append(key, slug...)
	default:
		return nil
	}
	value := w.KV.Get(append(append(key, ':'), band...))
	if value == nil && len(eventID) == 0 {
		value = w.KV.Get(band) // as before there were organizations
	}
	return value
}

// location is the value's page, with what the request says by UTM.
func location(value *kv.Value, query *fasthttp.Args) (string, error) {
	var (
		values [len(kv.UTM)]string
		tagged bool
	)
	for i, name := range kv.UTM {
		if query.Has(name) {
			values[i], tagged = string(query.Peek(name)), true
		}
	}
	if !tagged {
		return value.URL, nil
	}
	return value.Location(values)
}

// entry is what the store is told about an answered tap.
func entry(ctx *fasthttp.RequestCtx, value *kv.Value, band string) store.Tap {
	tap := event.Tap{
		BandID: band, EventID: value.EventID, Mode: value.Mode, WindowID: value.Window(), RedirectURL: value.URL,
		UserAgent: string(ctx.UserAgent()), IPAddress: address(ctx), TappedAt: time.Now(),
	}
	var room [512]byte
	return store.Tap{EventID: value.EventID, Mode: value.Mode, Band: band, At: tap.TappedAt, Entry: string(tap.AppendJSON(room[:0]))}
}

// address is the phone's: the edge says it, or else the connection.
func address(ctx *fasthttp.RequestCtx) string {
	return cmp.Or(string(ctx.Request.Header.Peek("CF-Connecting-IP")), ctx.RemoteIP().String())
}

// fail answers an error that the worker doesn't handle with a redirect, and has it counted.
func (w *Worker) fail(ctx *fasthttp.RequestCtx, err error) {
	w.unhandled.Add(1)
	page := cmp.Or(w.Fallback, unhandled)
	w.redirect(ctx, page)
	w.recorder.failed(store.Failure{
		Kind: "worker_unhandled", BandID: string(ctx.QueryArgs().Peek("bandId")), Reason: err.Error(), RedirectTo: page,
	})
}
