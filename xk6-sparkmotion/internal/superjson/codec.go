package superjson

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/grafana/sobek"
)

// Codec converts JavaScript values to JSON text, and back.
type Codec struct {
	Runtime     *sobek.Runtime
	Transformer string // "superjson", or empty for plain JSON
}

// Name is the transformer's name.
const Name = "superjson"

// Encode returns a query's input as the JSON text that the server's transformer expects; it is empty for undefined without a
// transformer, which is no input.
func (c Codec) Encode(input sobek.Value) (string, error) {
	if c.Transformer == Name {
		return c.wrap(input)
	}
	if input == nil || sobek.IsUndefined(input) {
		return "", nil
	}
	return c.stringify(input)
}

// Decode converts a query's data to a JavaScript value, undefined without data.
func (c Codec) Decode(data json.RawMessage) (sobek.Value, error) {
	if len(data) == 0 {
		return sobek.Undefined(), nil
	}
	value, err := c.Parse(string(data))
	if err == nil && c.Transformer == Name {
		value, err = c.revive(value)
	}
	return value, err
}

// Parse is JSON.parse.
func (c Codec) Parse(text string) (sobek.Value, error) {
	return c.json("parse", c.Runtime.ToValue(text))
}

// stringify is JavaScript's own JSON.stringify: dates, undefined and lone surrogates come out as a browser sends them.
func (c Codec) stringify(value sobek.Value) (string, error) {
	text, err := c.json("stringify", value)
	if err != nil {
		return "", err
	}
	if sobek.IsUndefined(text) {
		return "", errors.New("the input is a function or a symbol, which JSON can't carry")
	}
	return text.String(), nil
}

// json calls JSON.stringify or JSON.parse.
func (c Codec) json(name string, argument sobek.Value) (sobek.Value, error) {
	object := c.Runtime.Get("JSON").ToObject(c.Runtime)
	fn, ok := sobek.AssertFunction(object.Get(name))
	if !ok {
		return nil, fmt.Errorf("the script has replaced JSON.%s", name)
	}
	return fn(object, argument)
}

// object makes a plain JavaScript object of name, value pairs, in their order.
func (c Codec) object(pairs ...any) *sobek.Object {
	o := c.Runtime.NewObject()
	for i := 0; i < len(pairs); i += 2 {
		_ = o.Set(pairs[i].(string), pairs[i+1]) // #nosec G602 -- literals, in pairs, on an object that has no setters
	}
	return o
}
