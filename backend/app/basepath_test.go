package app_test

import (
	"testing"

	"github.com/parleyio/parley/backend/app"
)

func TestApp_base_path(t *testing.T) {
	r := start(t, &app.Settings{BasePath: "/a/chat"})
	for path, want := range map[string]int{
		"/a/chat/": 200, "/a/chat/docs": 200, "/a/chat/healthz": 200, "/a/chat/socket.io/?EIO=4&transport=polling": 200,
		"/a/chat": 308, "/healthz": 200, "/readyz": 200,
		"/": 404, "/api/data": 404, "/socket.io/?EIO=4&transport=polling": 404, "/a/chatter/": 404, "/chat/": 404,
	} {
		response, _ := r.do(t, "GET", path, "")
		if response.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, response.StatusCode, want)
		}
		if want == 308 {
			if at, err := response.Location(); err != nil || at.Path != "/a/chat/" {
				t.Errorf("redirected to %v, %v", at, err)
			}
		}
	}
}
