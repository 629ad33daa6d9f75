package web

import (
	"io/fs"
	"testing"
	"testing/fstest"
)

// White box, because a test binary embeds only one of the two states.
func TestBundles(t *testing.T) {
	t.Run("not built", func(t *testing.T) {
		if got := bundles(fstest.MapFS{"dist/.gitkeep": {}}); got != nil {
			t.Errorf("got %v, want nil", got)
		}
	})
	t.Run("built", func(t *testing.T) {
		got := bundles(fstest.MapFS{"dist/.gitkeep": {}, "dist/socket.io.min.js": {Data: []byte("x")}})
		if got == nil {
			t.Fatal("got nil")
		}
		if data, err := fs.ReadFile(got, "socket.io.min.js"); err != nil || string(data) != "x" {
			t.Errorf("read %q, %v", data, err)
		}
	})
}
