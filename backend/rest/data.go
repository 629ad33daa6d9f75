package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyio/parley/backend"
)

// Item is a [backend.Item] with what the document says about it.
type Item struct {
	Key       string          `json:"key" minLength:"1" maxLength:"256" example:"temperature/kitchen"`
	Value     json.RawMessage `json:"value" doc:"Any JSON value, as it was sent."`
	UpdatedAt time.Time       `json:"updatedAt" doc:"It grows with every change of the item." example:"2026-03-01T17:50:00.123Z"`
	ExpiresAt *time.Time      `json:"expiresAt,omitempty" doc:"When the item is gone; missing if it stays. No event says so." example:"2026-03-02T17:50:00.123Z"`
}

// NewItem is what a client posts.
type NewItem struct {
	Key   string          `json:"key" minLength:"1" maxLength:"256" doc:"At most 256 bytes." example:"temperature/kitchen"`
	Value json.RawMessage `json:"value" doc:"Any JSON value, also null; at most 1,000,000 bytes and 60 levels deep."`
	TTL   *int64          `json:"ttl,omitempty" nullable:"false" minimum:"1" maximum:"315360000" doc:"How many seconds the item is kept. Without it the server's default applies, which is for ever unless it was set." example:"86400"`
}

// Items is a page of what is stored.
type Items struct {
	Items []Item  `json:"items" nullable:"false" doc:"Sorted by key."`
	Next  *string `json:"next" doc:"The after of the next page; null on the last one." example:"temperature/kitchen"`
}

type (
	itemInput  struct{ Body NewItem }
	itemOutput struct{ Body Item }
	itemsInput struct {
		After string `query:"after" maxLength:"256" doc:"Only items whose key sorts behind this one." example:"temperature/attic"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most. A page of large values has fewer."`
	}
	itemsOutput struct{ Body Items }
	keyInput    struct {
		Key string `path:"key" minLength:"1" maxLength:"256" doc:"A slash in it is written %2F." example:"temperature/kitchen"`
	}
)

func (a *API) registerData() {
	huma.Register(a.huma, a.posting(huma.Operation{
		OperationID: "put-data",
		Path:        "/api/data",
		Summary:     "Set a value",
		Description: "Stores the value under the key, in place of an earlier one, and then emits `data-updated` with the answer to every client.",
		Tags:        []string{tagData},
		Errors:      []int{http.StatusInsufficientStorage},
	}), a.putItem)

	huma.Register(a.huma, huma.Operation{
		OperationID: "list-data",
		Method:      http.MethodGet,
		Path:        "/api/data",
		Summary:     "Read all values, page by page",
		Tags:        []string{tagData},
		Errors:      []int{http.StatusBadRequest, http.StatusForbidden},
	}, a.items)

	huma.Register(a.huma, huma.Operation{
		OperationID: "get-data",
		Method:      http.MethodGet,
		Path:        "/api/data/{key}",
		Summary:     "Read one value",
		Tags:        []string{tagData},
		Errors:      []int{http.StatusForbidden, http.StatusNotFound},
	}, a.item)
}

func (a *API) putItem(ctx context.Context, in *itemInput) (*itemOutput, error) {
	put := backend.PutItem{Key: in.Body.Key, Value: in.Body.Value}
	if in.Body.TTL != nil {
		put.TTL = new(time.Duration(*in.Body.TTL) * time.Second)
	}
	item, err := a.service.PutItem(ctx, principal(ctx), put)
	if err != nil {
		return nil, a.fail(ctx, inBody, err)
	}
	return &itemOutput{Body: Item(item)}, nil
}

func (a *API) items(ctx context.Context, in *itemsInput) (*itemsOutput, error) {
	page, err := a.service.ListItems(ctx, principal(ctx), backend.ListItems{After: in.After, Limit: &in.Limit})
	if err != nil {
		return nil, a.fail(ctx, inQuery, err)
	}
	list := make([]Item, len(page.Items))
	for i, item := range page.Items {
		list[i] = Item(item)
	}
	return &itemsOutput{Body: Items{Items: list, Next: page.Next}}, nil
}

func (a *API) item(ctx context.Context, in *keyInput) (*itemOutput, error) {
	item, err := a.service.ReadItem(ctx, principal(ctx), backend.ReadItem{Key: in.Key})
	if err != nil {
		return nil, a.fail(ctx, inPath, err)
	}
	return &itemOutput{Body: Item(item)}, nil
}
