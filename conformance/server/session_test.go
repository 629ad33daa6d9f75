package main

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// targets are the servers that scripts are played against. Each way to decode is on in at least one of them.
var targets = []socketio.Options{
	{Recovery: &socketio.Recovery{MaxDisconnection: 5 * time.Second}, PerMessageDeflate: &engineio.Deflate{Threshold: -1}},
	{AllowEIO3: true, AllowJSONP: true},
	{Parser: parser.MessagePack{}},
}

// The indexes of the targets.
const (
	modern = iota
	old
	packed
)

// trial is a server that is attacked while a canary is connected.
type trial struct {
	*socketio.Server
	t        *testing.T
	listener *memnet.Listener

	connected    atomic.Int64
	disconnected atomic.Int64
}

// attack plays a script against a target and checks, whatever the client sends: the server does not panic, it answers another
// client during and after the attack, it calls OnDisconnect once for each socket with a known reason, and it keeps no session
// and no goroutine.
func attack(t *testing.T, target int, script string) {
	synctest.Test(t, func(t *testing.T) {
		opts := targets[target%len(targets)]
		opts.Logger = slog.New(slog.DiscardHandler)
		opts.MaxPayload, opts.MaxFragments, opts.MaxControlPackets, opts.InboxPackets = 20_000, 16, 64, 16
		opts.AckTimeout, opts.MaxAcks, opts.MaxNamespaces, opts.SendQueueBytes = 3*time.Second, 8, 4, 100_000
		io, err := socketio.New(&opts)
		if err != nil {
			t.Fatal(err)
		}
		tr := &trial{Server: io, t: t, listener: memnet.Listen()}
		tr.register()
		var logged bytes.Buffer // net/http writes one line at a time
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", io)
		server := &http.Server{Handler: mux, ErrorLog: log.New(&logged, "", 0)}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(tr.listener) })

		canary := newCanary(t, tr.listener, opts.Parser)
		a := &attacker{listener: tr.listener, names: names{}, revision: "4"}
		a.play(script)
		canary.checkAnswered("during the attack")
		a.leave()
		time.Sleep(2 * time.Minute) // longer than every timeout of the server
		canary.checkAnswered("after the attack")
		if n := io.Stats().Engine.Sessions; n != 1 {
			t.Errorf("%d sessions are left beside the canary's", n-1)
		}
		canary.conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
		serving.Wait()
		time.Sleep(time.Second) // net/http keeps the connections of refused bodies for a moment
		tr.check()
		if bytes.Contains(logged.Bytes(), []byte("panic")) {
			t.Errorf("net/http has recovered a panic:\n%s", logged.Bytes())
		}
	})
}

// check compares the counters at the end.
func (tr *trial) check() {
	s := tr.Stats()
	if s.Panics+s.Engine.Panics+s.HandlerPanics != 0 {
		tr.t.Errorf("%d panics, %d of them in sessions, %d in handlers", s.Panics+s.Engine.Panics, s.Engine.Panics, s.HandlerPanics)
	}
	var closed int64
	for _, n := range s.Engine.Closed {
		closed += n
	}
	if s.Engine.Sessions != 0 || closed != s.Engine.Opened {
		tr.t.Errorf("%d sessions are open; %d were opened, and %d closed for the reasons %v", s.Engine.Sessions, s.Engine.Opened, closed, s.Engine.Closed)
	}
	if in, out := tr.connected.Load(), tr.disconnected.Load(); in != out {
		tr.t.Errorf("%d sockets have connected, and %d disconnected", in, out)
	}
}

var dynamic = regexp.MustCompile(`^/dyn-`)

// register registers handlers that use every feature.
func (tr *trial) register() {
	for _, name := range []string{"/", "/nsp", "/custom"} {
		nsp := tr.Of(name)
		nsp.Use(refuseFailing)
		nsp.OnConnection(tr.welcome)
		nsp.On("all", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
			return nsp.Emit("all", m.Raws()...)
		})
	}
	tr.OfPattern(dynamic).OnConnection(tr.welcome)
}

// welcome registers the handlers of one socket.
func (tr *trial) welcome(_ context.Context, s *socketio.Socket) error {
	tr.connected.Add(1)
	s.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) {
		tr.disconnected.Add(1)
		if _, known := tr.Stats().Disconnects[reason]; !known {
			tr.t.Errorf("a disconnect has the unknown reason %q", reason)
		}
	})
	echo := func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("message-back", m.Raws()...)
	}
	answer := func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) }
	for name, handler := range map[string]event.Handler[*socketio.Socket]{
		"echo": echo, "message": echo, "q": answer, "message-with-ack": answer, "scan": scan, "ask": ask,
		"join":  room(func(s *socketio.Socket, name string) error { return s.Join(name) }),
		"leave": room(func(s *socketio.Socket, name string) error { s.Leave(name); return nil }),
		"room": func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			var to string
			return errors.Join(m.Scan(&to), s.To(to).Emit("room", m.Raws()...))
		},
		"who": func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
			sockets, err := s.Namespace().FetchSockets(ctx)
			if err != nil {
				return err
			}
			for _, other := range sockets {
				err = errors.Join(err, s.Emit("who", other.ID(), other.Handshake(), other.Rooms()))
			}
			return errors.Join(err, s.Emit("you", s.Handshake().Header(), s.Handshake().Query(), s.Handshake().URL()))
		},
		"long": func(_ context.Context, s *socketio.Socket, m *event.Message) error {
			return s.Volatile().Emit("long", strings.Repeat("x", 3000), m.Raws())
		},
		"slow": func(ctx context.Context, _ *socketio.Socket, _ *event.Message) error {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			return nil
		},
		"leave us": func(_ context.Context, s *socketio.Socket, _ *event.Message) error { s.Disconnect(false); return nil },
		"close":    func(_ context.Context, s *socketio.Socket, _ *event.Message) error { s.Disconnect(true); return nil },
	} {
		s.On(name, handler)
	}
	return nil
}

// scan decodes the arguments into types of all kinds.
func scan(_ context.Context, s *socketio.Socket, m *event.Message) error {
	var (
		record struct {
			Name  string
			Data  []byte
			Many  map[string][][]byte
			Next  *struct{ Raw parser.Raw }
			Count int
		}
		list  []any
		bytes []byte
		value any
	)
	for _, dst := range []any{&record, &list, &bytes, &value} {
		if err := m.Scan(dst); err == nil {
			_ = s.Emit("scanned", dst) // not every value can be encoded
		}
	}
	return errors.New("not acknowledged")
}

// ask waits for an acknowledgement inside the handler.
func ask(ctx context.Context, s *socketio.Socket, m *event.Message) error {
	answer, err := s.EmitWithAck(ctx, "asked", m.Raws()...)
	if err != nil {
		return err
	}
	return s.Emit("answered", answer.Raws()...)
}

// room returns a handler that joins or leaves the room of its argument.
func room(do func(*socketio.Socket, string) error) event.Handler[*socketio.Socket] {
	return func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		var name string
		if err := m.Scan(&name); err != nil {
			return err
		}
		return do(s, name)
	}
}
