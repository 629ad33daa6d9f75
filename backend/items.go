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
	ctx = context.WithoutCancel(ctx)
	saving, cancel := context.WithTimeout(ctx, itemTimeout)
	defer cancel()
	item, err := s.store.PutItem(saving, req.Key, req.Value)
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

// ListItems asks for all items.
type ListItems struct{}

// ItemList is all items.
type ItemList struct {
	Items []Item // sorted by key; never nil
}

// ListItems returns all items.
func (s *Service) ListItems(ctx context.Context, p Principal, _ ListItems) (ItemList, error) {
	if err := permit(p, ActionReadData, ""); err != nil {
		return ItemList{}, err
	}
	items, err := s.store.Items(ctx)
	return ItemList{Items: items}, err
}
