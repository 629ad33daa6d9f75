package backend

import (
	"context"
	"encoding/json"
	"time"
)

// itemTimeout bounds the saving of an item: it is longer than a database may be locked and shorter than the patience of a
// proxy that stands before the HTTP API.
const itemTimeout = 15 * time.Second

// PutItem asks to keep a value under a key, in place of an earlier value.
type PutItem struct {
	Key   string
	Value json.RawMessage

	// TTL is how long the item is kept, 1 s to [MaxItemTTL]. Nil means [Options].ItemTTL.
	TTL *time.Duration
}

// PutItem saves an item and then tells every client: it publishes [ItemChanged]. The end of ctx does not end the saving,
// so that the outcome of a change is always known; after 15 s it fails.
func (s *Service) PutItem(ctx context.Context, p Principal, req PutItem) (Item, error) {
	if err := ValidateKey(req.Key); err != nil {
		return Item{}, err
	}
	if err := permit(p, ActionWriteData, ""); err != nil {
		return Item{}, err
	}
	if err := ValidateValue(req.Value); err != nil {
		return Item{}, err
	}
	ttl := s.itemTTL
	if req.TTL != nil {
		if ttl = *req.TTL; ttl < time.Second || ttl > MaxItemTTL {
			return Item{}, Invalid("ttl", "must be 1 to %d seconds", MaxItemTTL/time.Second)
		}
	}
	ctx = context.WithoutCancel(ctx)
	saving, cancel := context.WithTimeout(ctx, itemTimeout)
	defer cancel()
	put := NewItem{Key: req.Key, Value: req.Value}
	if ttl > 0 {
		put.Expires = Now().Add(ttl)
	}
	item, err := s.store.PutItem(saving, put)
	if err != nil {
		return Item{}, err
	}
	// The item is stored, so the answer is yes even where its event was not delivered: clients find it by reading.
	if err := s.events.Publish(ctx, ItemChanged{Item: item}); err != nil {
		s.log.WarnContext(ctx, "stored item was not emitted", "key", item.Key, "err", err)
	}
	return item, nil
}

// ReadItem asks for the item of a key.
type ReadItem struct{ Key string }

// ReadItem returns the item, or an [Error] of [CodeNotFound].
func (s *Service) ReadItem(ctx context.Context, p Principal, req ReadItem) (Item, error) {
	if err := ValidateKey(req.Key); err != nil {
		return Item{}, err
	}
	if err := permit(p, ActionReadData, ""); err != nil {
		return Item{}, err
	}
	return s.store.Item(ctx, req.Key)
}

// ListItems asks for a page of the items.
type ListItems struct {
	// After is the Next of the page before. Empty means from the first item on.
	After string

	// Limit is the largest number of items, 1 to [MaxItemLimit]. Nil means [DefaultItemLimit].
	Limit *int
}

// ListItems returns a page of the items, sorted by key.
func (s *Service) ListItems(ctx context.Context, p Principal, req ListItems) (ItemPage, error) {
	if req.After != "" {
		if err := ValidateAfter(req.After); err != nil {
			return ItemPage{}, err
		}
	}
	limit := DefaultItemLimit
	if req.Limit != nil {
		if limit = *req.Limit; limit == 0 { // which ValidateItemLimit and the store take for the default
			return ItemPage{}, Invalid("limit", "must be 1 to %d", MaxItemLimit)
		}
	}
	if _, err := ValidateItemLimit(limit); err != nil {
		return ItemPage{}, err
	}
	if err := permit(p, ActionReadData, ""); err != nil {
		return ItemPage{}, err
	}
	return s.store.Items(ctx, req.After, limit)
}
