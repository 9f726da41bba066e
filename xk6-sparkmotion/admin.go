package sparkmotion

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// admin is one call's connection to the admin application.
type admin struct {
	m       *module
	options queryOptions
	asked   string // procedures, with commas
	session session
	client  *vuhttp.Client
	codec   superjson.Codec
	settled bool // the server's transformer is known, or TRPC_TRANSFORMER names it
}

// admin reads a call's session and options.
func (m *module) admin(inSession sobek.Value, procedures string, given sobek.Value) (*admin, error) {
	var o queryOptions
	if err := m.settings.Read(given, &o); err != nil {
		return nil, err
	}
	if err := checkTransformer(o.Transformer); err != nil {
		return nil, err
	}
	if o.ResponseType != "json" && o.ResponseType != "none" {
		return nil, fmt.Errorf("responseType must be json or none, got %q", o.ResponseType)
	}
	s, err := m.sessionOf(inSession)
	if err != nil {
		return nil, err
	}
	c, err := m.client(strings.TrimRight(o.URL, "/")+"/api/trpc/"+procedures, o.Timeout)
	if err != nil {
		return nil, err
	}
	a := &admin{m: m, options: o, asked: procedures, session: s, client: c, codec: superjson.Codec{Runtime: m.vu.Runtime()}}
	a.codec.Transformer, a.settled = m.process.transformers.of(o)
	return a, nil
}

// shownURL is the URL of a request to procedures, as messages show it.
func shownURL(origin, procedures string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return procedures // not the origin: it may hold a password
	}
	return answer.Show(u.JoinPath("/api/trpc", procedures)) // #nosec G125 -- shown, not asked for
}

// transformers are the detected transformers of servers, by origin. A process detects each once.
type transformers struct{ byOrigin sync.Map }

// of returns the transformer for a call, and reports whether it is known. The guess is superjson, as in SparkMotion.
func (t *transformers) of(o queryOptions) (transformer string, settled bool) {
	if o.Transformer != "" {
		return o.Transformer, true
	}
	if known, ok := t.byOrigin.Load(o.URL); ok {
		return known.(string), true
	}
	return superjson.Name, false
}

func checkTransformer(transformer string) error {
	if transformer != "" && transformer != superjson.Name && transformer != string(trpc.Plain) {
		return fmt.Errorf("the option transformer (TRPC_TRANSFORMER) must be superjson or none, or left out, got %q", transformer)
	}
	return nil
}

// one runs one call in the session. A mutation must not run twice, so the transformer is detected before the first.
func (a *admin) one(procedure string, input sobek.Value, mutation bool) (result trpc.Result, err error) {
	ctx, send := a.m.vu.Context(), trpc.Client.Query
	if mutation {
		send = trpc.Client.Mutate
		if !a.settled {
			a.discover(procedure)
		}
	}
	err = a.learning(!mutation, func() (trpc.Shape, error) {
		encoded, err := a.codec.Encode(input)
		if err != nil {
			return "", from(procedure, err)
		}
		a.m.inSession(a.session, func(cookie string) (known bool) {
			result, err = send(a.trpc(cookie), ctx, trpc.Call{Procedure: procedure, Input: encoded})
			return !expired(err)
		})
		return result.Shape, err
	})
	return result, err
}

// discover requests a mutation by GET, which no server executes. The error in the answer shows the transformer.
func (a *admin) discover(procedure string) {
	result, _ := a.trpc(a.session.cookie).Query(a.m.vu.Context(), trpc.Call{Procedure: procedure}) // an error is what is asked for
	if result.Shape != "" {
		a.codec.Transformer, a.settled = string(result.Shape), true
	}
}

// several runs a batch in the session.
func (a *admin) several(calls []trpc.Call, inputs []sobek.Value) (results []trpc.Result, err error) {
	ctx := a.m.vu.Context()
	err = a.learning(true, func() (trpc.Shape, error) {
		for i, input := range inputs {
			var err error
			if calls[i].Input = ""; input == nil {
				continue
			}
			if calls[i].Input, err = a.codec.Encode(input); err != nil {
				return "", from(calls[i].Procedure, err)
			}
		}
		a.m.inSession(a.session, func(cookie string) (known bool) {
			results, err = a.trpc(cookie).Batch(ctx, calls)
			return !expired(err) && !anyExpired(results)
		})
		if refused := (*trpc.Error)(nil); errors.As(err, &refused) {
			return refused.Shape, err // the whole batch
		}
		if len(results) == 0 {
			return "", err
		}
		return results[0].Shape, err
	})
	return results, err
}

// learning runs a request, and repeats it, if allowed, when the answer shows that the guessed transformer was wrong. The process remembers
// the server's transformer.
func (a *admin) learning(again bool, try func() (trpc.Shape, error)) error {
	shape, err := try()
	switch {
	case shape == "":
		return err
	case string(shape) != a.codec.Transformer && a.settled:
		return &transformerError{shownURL(a.options.URL, a.asked), string(shape), a.codec.Transformer}
	}
	guessed := a.codec.Transformer
	a.m.process.transformers.byOrigin.Store(a.options.URL, string(shape))
	a.codec.Transformer, a.settled = string(shape), true
	if again && string(shape) != guessed {
		_, err = try()
	}
	return err
}

// transformerError says that the server's transformer is not the one in the settings.
type transformerError struct{ request, has, said string }

func (e *transformerError) Error() string {
	return fmt.Sprintf("%s: the server's transformer is %s, but TRPC_TRANSFORMER (the option transformer) says %s. Remove that setting: the transformer is detected",
		e.request, e.has, e.said)
}

func (a *admin) trpc(cookie string) trpc.Client {
	return trpc.Client{Doer: a.client, URL: a.options.URL, Cookie: cookie}
}

// decode converts a query's data to a JavaScript value.
func (a *admin) decode(data json.RawMessage) (sobek.Value, error) {
	if a.options.ResponseType == "none" {
		return sobek.Null(), nil
	}
	return a.codec.Decode(data)
}
