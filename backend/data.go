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

	// ExpiresAt is when the item is gone, in UTC and in milliseconds. Nil (missing on the wire) means never. Nothing is
	// published then.
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// NewItem is an item that has not been saved yet.
type NewItem struct {
	Key   string
	Value json.RawMessage

	// Expires is when it is gone. Zero means never.
	Expires time.Time
}

// Validate checks the item against the bounds of this package; its error is an [*Error] of [CodeInvalid].
func (i *NewItem) Validate() error {
	if err := ValidateKey(i.Key); err != nil {
		return err
	}
	return ValidateValue(i.Value)
}

// ItemPage is a part of the items.
type ItemPage struct {
	Items []Item // sorted by key; never nil

	// Next is the "after" of the next page. Nil means that there is none.
	Next *string
}
