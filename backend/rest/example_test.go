package rest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/rest"
	"github.com/parleyio/parley/backend/store"
)

// show prints what clients would be sent.
func show(_ context.Context, e backend.Event) error {
	switch e := e.(type) {
	case backend.NotificationSent:
		fmt.Printf("notification for room %q: %s\n", e.To.Room, e.Notification.Message)
	case backend.ItemChanged:
		fmt.Printf("data-updated: %s = %s\n", e.Item.Key, e.Item.Value)
	}
	return nil
}

func Example() {
	db, err := store.Open(context.Background(), ":memory:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	service, err := backend.NewService(backend.Options{Store: db})
	if err != nil {
		fmt.Println(err)
		return
	}
	service.Subscribe(show)
	api, err := rest.New(&rest.Options{Service: service})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	for _, pattern := range api.Patterns() {
		mux.Handle(pattern, api)
	}

	post := func(path, body string) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code >= 400 {
			fmt.Printf("%d %s\n", w.Code, bytes.TrimSpace(w.Body.Bytes()))
		}
	}
	post("/api/data", `{"key": "temperature", "value": 21.5}`)
	post("/api/notifications", `{"type": "info", "message": "Tea is ready.", "room": "kitchen"}`)
	post("/api/data", `{"key": "", "value": null}`)
	// Output:
	// data-updated: temperature = 21.5
	// notification for room "kitchen": Tea is ready.
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"body.key: expected length >= 1","code":"invalid","errors":[{"location":"body.key","message":"expected length >= 1"}]}
}
