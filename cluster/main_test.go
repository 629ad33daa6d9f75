package cluster_test

import (
	"bytes"
	"log"
	"log/slog"
	"testing"

	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// captureLog returns what is logged to the default logger until the test ends. No other test may run beside it.
func captureLog(t *testing.T) *bytes.Buffer {
	logged := new(bytes.Buffer)
	before, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(writer) // SetDefault has redirected package log
		log.SetFlags(flags)
	})
	return logged
}
