package backend

import (
	"encoding/json"
	"time"
)

// Item is one piece of live data: a JSON value under a key.
type Item struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`

	// UpdatedAt is in UTC, in milliseconds. It grows with every change of the item, so a client that receives two
	// changes in the wrong order can tell which is the newer.
	UpdatedAt time.Time `json:"updatedAt"`
}
