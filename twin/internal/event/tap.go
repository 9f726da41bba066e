package event

import (
	"encoding/json"
	"time"
)

// Tap is one entry of the queue: one band held to one phone.
type Tap struct {
	BandID      string    `json:"bandId"`
	EventID     string    `json:"eventId"`
	Mode        string    `json:"mode"`
	RedirectURL string    `json:"redirectUrl"`
	UserAgent   string    `json:"userAgent"`
	IPAddress   string    `json:"ipAddress"`
	TappedAt    time.Time `json:"tappedAt"`
}

// ISO is how JavaScript writes a time: UTC, in milliseconds.
const ISO = "2006-01-02T15:04:05.000Z"

// AppendJSON appends the tap as a JSON object, with its keys in the order the Worker writes them.
func (t *Tap) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"bandId":`...), t.BandID)
	b = appendString(append(b, `,"eventId":`...), t.EventID)
	b = appendString(append(b, `,"mode":`...), t.Mode)
	b = appendString(append(b, `,"redirectUrl":`...), t.RedirectURL)
	b = appendString(append(b, `,"userAgent":`...), t.UserAgent)
	b = appendString(append(b, `,"ipAddress":`...), t.IPAddress)
	b = t.TappedAt.UTC().AppendFormat(append(b, `,"tappedAt":"`...), ISO)
	return append(b, `"}`...)
}

// appendString appends s as a JSON string. Nearly every string here is plain ASCII, which needs no escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string always marshals
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
