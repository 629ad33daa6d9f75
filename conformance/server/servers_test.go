package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/socketio"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // profiles log there
	leak.Main(m)
}

// serve makes the server of a conversation: a profile, or a server for cases that no profile can show.
func serve(name string, log *appLog) (profile, error) {
	switch name {
	case "engine-v4", "engine-v3": // without the delays for the official suites
		return bare(name == "engine-v3")
	case "captured":
		return captured(log, &socketio.Options{
			PingInterval: 600 * time.Millisecond, PingTimeout: 500 * time.Millisecond, ConnectTimeout: time.Second,
			UpgradeTimeout: time.Second,
		})
	case "captured v3":
		return captured(log, &socketio.Options{
			PingInterval: 600 * time.Millisecond, PingTimeout: 500 * time.Millisecond, AllowEIO3: true, AllowJSONP: true,
		})
	case "small": // like the server of which HTTP was captured
		return captured(log, &socketio.Options{
			PingInterval: 3 * time.Second, PingTimeout: 2 * time.Second, MaxPayload: 1000,
		})
	case "default":
		return captured(log, nil)
	case "websocket only":
		return captured(log, &socketio.Options{Transports: []engineio.Transport{engineio.WebSocket}})
	case "polling only":
		return captured(log, &socketio.Options{Transports: []engineio.Transport{engineio.Polling}})
	case "no upgrades":
		return captured(log, &socketio.Options{NoUpgrades: true})
	case "denied":
		return captured(log, &socketio.Options{
			AllowRequest: func(*http.Request) error { return errors.New("custom deny msg") },
		})
	}
	start, ok := profiles[name]
	if !ok {
		return profile{}, fmt.Errorf("no profile %q", name)
	}
	return start()
}

// bare is the server of the profiles of Engine.IO without delays.
func bare(eio3 bool) (profile, error) {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return echo{s} }, &engineio.Options{
		PingInterval: suitePingInterval, PingTimeout: suitePingTimeout, AllowEIO3: eio3,
	})
	if err != nil {
		return profile{}, err
	}
	return profile{"/engine.io/", engine, engine.Shutdown}, nil
}

// captured is an application like the one that was captured. On "/" and "/nsp" events tell it what to do. It logs why
// sockets disconnect.
func captured(log *appLog, o *socketio.Options) (profile, error) {
	io, err := socketio.New(o)
	if err != nil {
		return profile{}, err
	}
	for _, name := range []string{"/", "/nsp"} {
		nsp := io.Of(name)
		nsp.Use(refuseFailing)
		nsp.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { log.add("%s", reason) })
		nsp.On("q", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) })
		nsp.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			return s.Emit("echo", m.Raws()...)
		})
		nsp.On("note", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			log.add("%s", m.Raw(0).JSON)
			return nil
		})
		nsp.On("several", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
			return errors.Join(s.Emit("a", 1), s.Emit("b", []byte{1, 2, 3, 4}), s.Emit("c", "é"))
		})
		nsp.On("text", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
			return s.Emit("text", strings.Repeat("x", 3000))
		})
		nsp.On("ask", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			answer, err := s.EmitWithAck(ctx, "asked", m.Raws()...)
			if err != nil {
				return err
			}
			return s.Emit("answered", answer.Raws()...)
		})
		nsp.On("leave", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
			s.Disconnect(false)
			return nil
		})
		nsp.On("close", func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
			s.Disconnect(true)
			return nil
		})
	}
	return profile{"/socket.io/", io, io.Shutdown}, nil
}

// refuseFailing refuses a client whose auth payload has a member "fail": with data, or without.
func refuseFailing(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Fail any }
	switch err := s.Handshake().ScanAuth(&auth); {
	case err != nil:
		return err
	case auth.Fail == "nodata":
		return &event.Error{Message: "bad"}
	case auth.Fail != nil:
		return &event.Error{Message: "bad", Data: map[string]int{"code": 7}}
	}
	return nil
}
