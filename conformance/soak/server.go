package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// serverVariable makes the program the server: it holds the settings in JSON.
const serverVariable = "PARLEY_SOAK_SERVER"

// settings are what the server is told.
type settings struct {
	Away   time.Duration
	Settle time.Duration
	Faults []string
}

// serve is the server's process. It tells its address on standard output, ends when standard input does, and tells its
// state then: all that it had is closed.
func serve(text string) error {
	var set settings
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	before := observe(nil, true)
	server, err := socketio.New(&socketio.Options{
		PingInterval:      3 * time.Second,
		PingTimeout:       9 * time.Second, // a machine may be busy: nobody who answers is to be lost
		UpgradeTimeout:    10 * time.Second,
		ReadTimeout:       6 * time.Second,
		WriteTimeout:      6 * time.Second,
		ConnectTimeout:    5 * time.Second,
		SendQueueBytes:    1 << 20, // soon full
		AckTimeout:        2 * time.Second,
		AllowEIO3:         true,
		PerMessageDeflate: &engineio.Deflate{},
		Recovery:          &socketio.Recovery{MaxDisconnection: set.Away, MaxPackets: 3000}, // about 1 MiB of the ledger's
		Logger:            slog.New(slog.DiscardHandler),

		CleanupEmptyChildNamespaces: true,
	})
	if err != nil {
		return err
	}
	register(server, newFaults(set.Faults))
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", server)
	mux.HandleFunc("/state", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(observe(server, r.FormValue("collect") != "")) // who asks sees a broken answer
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	fmt.Println(listener.Addr())

	_, _ = io.Copy(io.Discard, bufio.NewReader(os.Stdin)) // whatever ends it
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(server.Shutdown(ctx), web.Shutdown(ctx))
	if closed := <-failed; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	if err != nil {
		return err
	}
	// Goroutines that have done their work may not be gone yet.
	for end := time.Now().Add(set.Settle); runtime.NumGoroutine() > before.Goroutines && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	return json.NewEncoder(os.Stdout).Encode([]state{before, observe(nil, true)})
}

var children = regexp.MustCompile(`^/child-\d+$`)

// register makes the application: what cycles and the ledger ask for.
func register(server *socketio.Server, f *faults) {
	server.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		f.connected()
		var auth struct{ Name string }
		if err := s.Handshake().ScanAuth(&auth); err != nil || auth.Name == "" {
			return err
		}
		return s.Join("user:" + auth.Name)
	})
	server.On("send", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var (
			from, to, text string
			number         int
		)
		if err := m.Scan(&from, &to, &number, &text); err != nil {
			return err
		}
		return errors.Join(f.send(s.To("user:"+to), from, to, number, text), m.Ack())
	})
	server.On("echo", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) })
	server.On("kick", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var connection bool
		if err := m.Scan(&connection); err != nil {
			return err
		}
		s.Disconnect(connection)
		return nil
	})
	server.On("ask", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
		_, err := s.EmitWithAck(ctx, "asked")
		return err
	})
	server.On("slow", func(ctx context.Context, _ *socketio.Socket, _ *event.Message) error {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	server.On("panic", func(context.Context, *socketio.Socket, *event.Message) error { panic("of a handler, wanted") })
	// What recovery keeps of a namespace goes with it, so that floods are in those that come and go.
	inChild := server.OfPattern(children)
	inChild.On("flood", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
		text := strings.Repeat("x", 64<<10)
		for range 300 {
			if err := s.Volatile().Emit("flood", text); err != nil {
				return nil // the client reads slowly, as it said
			}
			if err := s.Emit("flood", text); err != nil {
				return nil
			}
		}
		return nil
	})
}
