package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

// serverVariable makes the program the server: it holds the settings in JSON.
const serverVariable = "PARLEY_SOAK_SERVER"

// The requests that the server's process reads.
const (
	current   = "state"         // as it is
	collected = "collect state" // after a collection of garbage
)

// settings configure the server's process.
type settings struct {
	Away   time.Duration
	Settle time.Duration
	Faults []string
}

// serve is the server's process. It prints its address. Then it reads requests for its state from standard input, a line
// each, and prints the answers in JSON: no connection serves the observer. It shuts down at the end of standard input and
// prints its states from before the server and after its end.
func serve(text string) error {
	var set settings
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the runtime opens the descriptors of its poller with the first
	if err != nil {
		return err
	}
	var conns leak.Conns
	before := observe(nil, &conns, true)
	before.Descriptors-- // the listener, which is closed at the end
	server, err := socketio.New(&socketio.Options{
		PingInterval:      3 * time.Second,
		PingTimeout:       9 * time.Second, // long, for a busy machine: a client that answers must stay connected
		UpgradeTimeout:    10 * time.Second,
		ReadTimeout:       6 * time.Second,
		WriteTimeout:      6 * time.Second,
		ConnectTimeout:    5 * time.Second,
		SendQueueBytes:    1 << 20, // small, so that it is soon full
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
	f := newFaults(set.Faults)
	defer runtime.KeepAlive(f) // a file that is garbage would be closed
	register(server, f)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", server)
	web := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ConnState:         conns.Changed,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	fmt.Println(listener.Addr())

	answers := json.NewEncoder(os.Stdout)
	for requests := bufio.NewScanner(os.Stdin); requests.Scan(); {
		if err := answers.Encode(observe(server, &conns, requests.Text() == collected)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(server.Shutdown(ctx), web.Shutdown(ctx))
	if closed := <-failed; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, closed)
	}
	if err != nil {
		return err
	}
	after := observe(nil, &conns, true)
	// Goroutines that have done their work may take a moment to end.
	for end := time.Now().Add(set.Settle); len(grown(before, after)) > 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		after = observe(nil, &conns, true)
	}
	return answers.Encode([]state{before, after})
}

var children = regexp.MustCompile(`^/child-\d+$`)

// register adds the handlers that the cycles and the ledger use.
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
	server.On("panic", func(context.Context, *socketio.Socket, *event.Message) error { panic("in a handler, on purpose") })
	// The log of a namespace is freed with the namespace, so floods use namespaces that come and go.
	inChild := server.OfPattern(children)
	inChild.On("flood", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
		text := strings.Repeat("x", 64<<10)
		for range 300 {
			if err := s.Volatile().Emit("flood", text); err != nil {
				return nil // the client reads slowly, as planned
			}
			if err := s.Emit("flood", text); err != nil {
				return nil
			}
		}
		return nil
	})
}
