package exampletest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/testing/exampletest"
)

// recorder is a test that keeps to itself what has failed.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func TestStart_panic(t *testing.T) {
	for path, want := range map[string]string{
		"slog":  "panic in a handler",
		"http":  "panic serving",
		"other": "",
	} {
		t.Run(path, func(t *testing.T) {
			r := &recorder{}
			t.Run("program", func(t *testing.T) {
				r.TB = t
				if response, err := http.Get(exampletest.Start(r, "./testdata/panics") + "/" + path); err == nil {
					response.Body.Close()
				}
			})
			got := strings.Join(r.failures, "\n")
			if len(r.failures) > 1 || (got == "") != (want == "") || !strings.Contains(got, want) {
				t.Errorf("failures %q, want one about %q", r.failures, want)
			}
		})
	}
}
