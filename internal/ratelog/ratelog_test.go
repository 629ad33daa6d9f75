package ratelog_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/ratelog"
)

// setup returns a Log, and a function that returns the lines since its last call.
func setup() (*ratelog.Log, func() []string) {
	var out bytes.Buffer
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := ratelog.New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime})))
	return log, func() []string {
		defer out.Reset()
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
}

func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestLog_Warn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, lines := setup()
		for range 5 {
			log.Warn("size", "too large", slog.Int("limit", 10))
		}
		log.Warn("origin", "refused")
		wants(t, lines(), `level=WARN msg="too large" limit=10`, `level=WARN msg=refused`)
		time.Sleep(ratelog.Interval - 1)
		log.Warn("size", "too large")
		wants(t, lines(), "")
		time.Sleep(time.Nanosecond)
		log.Warn("size", "too large", slog.Int("limit", 10))
		wants(t, lines(), `level=WARN msg="too large" limit=10 suppressed=5`)
		time.Sleep(ratelog.Interval)
		log.Warn("size", "too large")
		wants(t, lines(), `level=WARN msg="too large"`)
	})
}

func TestLog_Close(t *testing.T) {
	log, lines := setup()
	for range 4 {
		log.Warn("size", "too large")
	}
	log.Warn("origin", "refused")
	lines()
	log.Close()
	wants(t, lines(), `level=WARN msg="too large" suppressed=3`)
	log.Close()
	wants(t, lines(), "")
}

func TestLog_Once(t *testing.T) {
	log, lines := setup()
	for i := range 2 * ratelog.MaxNames {
		name := fmt.Sprint(i)
		log.Once(slog.LevelError, "event", name, "no handler", slog.String("event", name))
		log.Once(slog.LevelError, "event", name, "no handler", slog.String("event", name))
	}
	log.Once(slog.LevelWarn, "namespace", "0", "unknown namespace")
	got := lines()
	if len(got) != ratelog.MaxNames+1 || got[0] != `level=ERROR msg="no handler" event=0` ||
		got[ratelog.MaxNames] != `level=WARN msg="unknown namespace"` {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

func TestText(t *testing.T) {
	if got := ratelog.Text("k", strings.Repeat("x", 1000)).Value.String(); len(got) > 210 {
		t.Errorf("%d bytes", len(got))
	}
	if got := ratelog.Text("k", "short").Value.String(); got != "short" {
		t.Errorf("%q", got)
	}
}
