package guard_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/guard"
)

func explode() { panic("boom") }

func TestLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	func() {
		defer func() {
			if fault := recover(); fault != nil {
				guard.Log(log, "panic in a test", fault, slog.String("nsp", "/chat"))
			}
		}()
		explode()
	}()
	for _, want := range []string{"level=ERROR", `msg="panic in a test"`, "nsp=/chat", "err=boom", "guard_test.explode"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the line has no %q: %s", want, out.String())
		}
	}
}

func TestLog_withoutLogger(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	guard.Log(nil, "panic in a test", "boom")
	if !strings.Contains(out.String(), "err=boom") {
		t.Errorf("slog.Default has received %q", out.String())
	}
}
