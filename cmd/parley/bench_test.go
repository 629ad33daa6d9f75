package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/testing/bench/load"
	"github.com/parleyio/parley/socketio"
)

// echoing starts a server that parley bench can measure.
func echoing(t *testing.T) string {
	t.Helper()
	io, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	io.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	server := httptest.NewTLSServer(io)
	t.Cleanup(func() {
		_ = io.Shutdown(context.Background())
		server.Close()
	})
	return server.URL
}

func TestBench(t *testing.T) {
	url := echoing(t)
	bench := func(t *testing.T, args ...string) (stdout string, err error) {
		t.Helper()
		var out bytes.Buffer
		all := append([]string{"bench", "--url", url, "--duration=50ms", "--warmup=1ms", "--settle=1ms"}, args...)
		err = run(t.Context(), all, nil, &out, t.Output())
		return out.String(), err
	}
	t.Run("JSON", func(t *testing.T) {
		args := []string{"echo", "--insecure", "--json", "--clients=4", "--window=3", "--size=100"}
		if runtime.GOOS == "linux" {
			args = append(args, "--pid", strconv.Itoa(os.Getpid()))
		}
		out, err := bench(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		var got load.Result
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if got.Mode != "echo" || got.Clients != 4 || got.Window != 3 || got.Size != 100 || got.Count == 0 || got.P50 <= 0 {
			t.Errorf("got %+v", got)
		}
		if (got.RSS > 0) != (runtime.GOOS == "linux") {
			t.Errorf("the server's memory is %d", got.RSS)
		}
	})
	t.Run("table", func(t *testing.T) {
		out, err := bench(t, "idle", "--insecure", "--clients=2")
		if err != nil || !strings.Contains(out, "2 clients") || !strings.Contains(out, "2 connections in") || !strings.Contains(out, "% busy") {
			t.Errorf("got %q, error %v", out, err)
		}
	})
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"no mode":                 {nil, "<mode>", 2},
		"unknown mode":            {[]string{"dance"}, "must be one of", 2},
		"wrong number":            {[]string{"echo", "--clients=many"}, "--clients", 2},
		"a certificate of nobody": {[]string{"connect", "--clients=1"}, "certificate", 1},
		"wrong URL":               {[]string{"connect", "--url=localhost"}, "http://", 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := bench(t, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != c.code || out != "" {
				t.Errorf("got %q, error %v, exit code %d", out, err, exitCode(err))
			}
		})
	}
}
