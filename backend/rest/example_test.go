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

// printer is a Publisher that shows what clients would be sent.
type printer struct{}

func (printer) Notify(n backend.Notification, to backend.Audience) error {
	fmt.Printf("notification for room %q: %s\n", to.Room, n.Message)
	return nil
}

func (printer) DataUpdated(item backend.Item) error {
	fmt.Printf("data-updated: %s = %s\n", item.Key, item.Value)
	return nil
}

func Example() {
	db, err := store.Open(context.Background(), ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	api, err := rest.New(&rest.Options{Store: db, Publisher: printer{}})
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
