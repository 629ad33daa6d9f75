package main

import (
	"context"
	"net/http"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// profile is a server to run a suite against.
type profile struct {
	path     string
	handler  http.Handler
	shutdown func(context.Context) error
}

// profiles has the constructor of each server by name.
var profiles = map[string]func() (profile, error){
	"engine-v4": func() (profile, error) { return engine(false) },
	"engine-v3": func() (profile, error) { return engine(true) },
	"socket-v5": func() (profile, error) {
		p, err := socket(suiteOptions)
		p.handler = orderly(p.handler)
		return p, err
	},
	"socket-v4": func() (profile, error) { return socket(clientOptions) },
	"bench":     func() (profile, error) { return bench(nil) },
	"recovery":  func() (profile, error) { return bench(&socketio.Recovery{}) },
	"clients":   func() (profile, error) { return clients(socketio.Options{AllowEIO3: true}) },
	"msgpack":   func() (profile, error) { return clients(socketio.Options{Parser: parser.MessagePack{}}) },
}

// The intervals that the protocol's suites expect.
const (
	suitePingInterval   = 300 * time.Millisecond
	suitePingTimeout    = 200 * time.Millisecond
	suiteConnectTimeout = time.Second
)

// suiteOptions are what the suite of Socket.IO's protocol expects.
var suiteOptions = socketio.Options{
	PingInterval:   suitePingInterval,
	PingTimeout:    suitePingTimeout,
	ConnectTimeout: suiteConnectTimeout,
}

// clientOptions accept clients of Socket.IO 2; every other profile refuses them, which is the default. These options are
// for real clients: the heartbeat is short enough for a test to see one, and long enough for a busy machine.
var clientOptions = socketio.Options{
	PingInterval: suitePingInterval,
	PingTimeout:  10 * time.Second,
	AllowEIO3:    true,
	AllowJSONP:   true,
}

// engine is a server of Engine.IO alone, which echoes every message. With eio3 it also serves clients of revision 3.
func engine(eio3 bool) (profile, error) {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return echo{s} }, &engineio.Options{
		PingInterval: suitePingInterval,
		PingTimeout:  suitePingTimeout,
		AllowEIO3:    eio3,
	})
	if err != nil {
		return profile{}, err
	}
	p := profile{"/engine.io/", orderly(engine), engine.Shutdown}
	if eio3 {
		p.handler = patient(p.handler)
	}
	return p, nil
}

type echo struct{ session *engineio.Session }

func (e echo) Message(data []byte, binary bool) {
	// The session may have closed meanwhile.
	_ = e.session.Send(engineio.Message{Data: data, Binary: binary})
}

func (echo) Close(engineio.Reason, error) {}

// socket is Socket.IO with the namespaces "/" and "/custom", which send the auth payload back and echo messages.
func socket(opts socketio.Options) (profile, error) {
	io, err := socketio.New(&opts)
	if err != nil {
		return profile{}, err
	}
	for _, name := range []string{"/", "/custom"} {
		nsp := io.Of(name)
		nsp.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			auth := s.Handshake().Auth()
			if auth == nil {
				auth = []byte("{}")
			}
			return s.Emit("auth", auth)
		})
		nsp.On("message", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			return s.Emit("message-back", m.Raws()...)
		})
		nsp.On("message-with-ack", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			return m.Ack(m.Raws()...)
		})
	}
	return profile{"/socket.io/", io, io.Shutdown}, nil
}

// bench has the handlers that load generators use, and the default options.
func bench(recovery *socketio.Recovery) (profile, error) {
	io, err := socketio.New(&socketio.Options{Recovery: recovery})
	if err != nil {
		return profile{}, err
	}
	io.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	io.On("bc", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return io.Emit("bc", m.Raws()...)
	})
	io.On("ack", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		return m.Ack(m.Raws()...)
	})
	io.On("join", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var room string
		if err := m.Scan(&room); err != nil {
			return err
		}
		if err := s.Join(room); err != nil {
			return err
		}
		return m.Ack()
	})
	io.On("room", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
		var room string
		if err := m.Scan(&room); err != nil {
			return err
		}
		return io.To(room).Emit("room", m.Raw(1))
	})
	return profile{"/socket.io/", io, io.Shutdown}, nil
}
