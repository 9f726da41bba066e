package worker

import (
	"bytes"
	"cmp"
	"net/url"

	"github.com/valyala/fasthttp"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
)

// askHub answers with what the hub says about a band that isn't in the KV.
func (w *Worker) askHub(ctx *fasthttp.RequestCtx, band []byte, slug string) {
	w.misses.Add(1)
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI("http://" + w.HubAddr + "/e?" + hubQuery(ctx.QueryArgs(), string(band), slug))
	request.Header.SetUserAgentBytes(ctx.UserAgent())
	request.Header.Set("X-Forwarded-For", address(ctx))
	if err := w.hub.Do(request, response); err != nil {
		w.fallbacks.Add(1)
		w.redirect(ctx, cmp.Or(w.Fallback, hubAway))
		return
	}
	if response.StatusCode() == fasthttp.StatusFound {
		w.redirects.Add(1)
	}
	body := response.Body()
	chunked := response.Header.ContentLength() < 0
	response.CopyTo(&ctx.Response)
	ctx.Response.Header.SetNoDefaultContentType(true) // Next.js's redirects have none
	if chunked {                                      // stays so
		ctx.Response.SetBodyStream(bytes.NewReader(bytes.Clone(body)), -1)
	}
}

// hubQuery is what the worker hands on: no more of the request than this.
func hubQuery(query *fasthttp.Args, band, slug string) string {
	text := "bandId=" + url.QueryEscape(band)
	add := func(name, value string) {
		if value != "" {
			text += "&" + name + "=" + url.QueryEscape(value)
		}
	}
	add("orgSlug", slug)
	for _, name := range append([]string{"eventId", "orgId"}, kv.UTM[:]...) {
		add(name, string(query.Peek(name)))
	}
	return text
}
