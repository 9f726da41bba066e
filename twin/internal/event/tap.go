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
	WindowID    string    `json:"windowId,omitzero"`
	RedirectURL string    `json:"redirectUrl"` // without UTM
	UserAgent   string    `json:"userAgent,omitzero"`
	IPAddress   string    `json:"ipAddress,omitzero"`
	TappedAt    time.Time `json:"tappedAt"`
	UTM         [5]string `json:"-"` // source, medium, campaign, term and content, which only the Hub adds
}

var utmKeys = [5]string{"utmSource", "utmMedium", "utmCampaign", "utmTerm", "utmContent"}

// ISO is how JavaScript writes a time: UTC, in milliseconds.
const ISO = "2006-01-02T15:04:05.000Z"

// AppendJSON appends the tap as a JSON object, with its keys in the order that the Worker writes them, without the empty
// ones of those that may be missing.
func (t *Tap) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"bandId":`...), t.BandID)
	b = appendString(append(b, `,"eventId":`...), t.EventID)
	b = appendString(append(b, `,"mode":`...), t.Mode)
	b = appendOptional(b, "windowId", t.WindowID)
	b = appendString(append(b, `,"redirectUrl":`...), t.RedirectURL)
	b = appendOptional(b, "userAgent", t.UserAgent)
	b = appendOptional(b, "ipAddress", t.IPAddress)
	b = t.TappedAt.UTC().AppendFormat(append(b, `,"tappedAt":"`...), ISO)
	b = append(b, '"')
	for i, value := range t.UTM {
		b = appendOptional(b, utmKeys[i], value)
	}
	return append(b, '}')
}

func appendOptional(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), key...), `":`...)
	return appendString(b, value)
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
