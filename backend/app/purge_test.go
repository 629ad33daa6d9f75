package app_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/app"
)

// What has been kept long enough is deleted within a minute, without anybody asking for it.
func TestApp_purges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := app.New(t.Context(), &app.Settings{Database: ":memory:", ChatRetention: time.Hour, ItemTTL: time.Hour, MaxItems: 1})
		if err != nil {
			t.Fatal(err)
		}
		put := func(key string) error {
			_, err := a.Service().PutItem(t.Context(), backend.Principal{}, backend.PutItem{Key: key, Value: []byte(`1`)})
			return err
		}
		if err := put("k"); err != nil {
			t.Fatal(err)
		}
		program := backend.Principal{User: "program"}
		if _, err := a.Service().SendMessage(t.Context(), program, backend.SendMessage{RoomID: "r", Text: "x"}); err != nil {
			t.Fatal(err)
		}
		if err := put("l"); backend.AsError(err).Code != backend.CodeFull {
			t.Errorf("a second item: %v, want full", err)
		}
		time.Sleep(time.Hour + time.Minute)
		synctest.Wait()
		purged, err := a.Service().Purge(t.Context())
		if err != nil || purged != (backend.Purged{}) {
			t.Errorf("left to purge: %+v, %v, want nothing", purged, err)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
