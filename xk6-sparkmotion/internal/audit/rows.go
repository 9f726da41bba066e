package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ISO is JavaScript's format of a time.
const ISO = "2006-01-02T15:04:05.000Z"

// Row is a recorded tap, as analytics.exportTaps returns it.
type Row struct {
	Band  string    `json:"bandId"`
	Event string    `json:"eventName"`
	At    time.Time `json:"tappedAt"`
	Mode  string    `json:"modeServed"`
	Agent string    `json:"userAgent"`
}

// ParseRows reads an export's data, plain or in superjson's wrapper.
func ParseRows(data json.RawMessage) ([]Row, error) {
	if list := bytes.TrimSpace(data); len(list) > 0 && list[0] == '{' {
		var wrapped struct{ JSON json.RawMessage }
		if err := json.Unmarshal(list, &wrapped); err != nil {
			return nil, fmt.Errorf("the export is not a list of rows: %w", err)
		}
		data = wrapped.JSON
	}
	var rows []Row
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("the export is not a list of rows: %w", err)
	}
	if rows == nil {
		return nil, errors.New("the export is not a list of rows")
	}
	for i := range rows {
		if rows[i].Band == "" || rows[i].At.IsZero() {
			return nil, fmt.Errorf("row %d of the export has no bandId or no tappedAt", i)
		}
	}
	return rows, nil
}
