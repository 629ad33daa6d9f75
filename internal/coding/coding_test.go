package coding_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/coding"
)

// FuzzAccepted negotiates anything.
func FuzzAccepted(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0")
	f.Fuzz(func(t *testing.T, accepted string) {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {accepted}}}
		switch got := coding.Accepted(r, "gzip", "deflate"); {
		case got != "" && got != "gzip" && got != "deflate":
			t.Errorf("answered %q", got)
		case got == "deflate" && !strings.Contains(accepted, "*") && !strings.Contains(strings.ToLower(accepted), "deflate"):
			t.Errorf("deflate was not asked for by %q", accepted)
		}
	})
}
