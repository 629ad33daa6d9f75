package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// faulty counts calls of what a user has handed over; the n-th panics. Nought is none.
type faulty struct{ left *atomic.Int64 }

func (f faulty) call() {
	if f.left.Add(-1) == 0 {
		panic("a fault")
	}
}

// faultyParser is a parser that counts together with the adapter.
type faultyParser struct {
	parser.JSON
	faulty
}

func (f faultyParser) Encode(p *parser.Packet) ([]parser.Frame, error) {
	f.call()
	return f.JSON.Encode(p)
}

func (f faultyParser) NewDecoder(l parser.Limits) parser.Decoder {
	return faultyDecoder{f.JSON.NewDecoder(l), f.faulty}
}

type faultyDecoder struct {
	parser.Decoder
	faulty
}

func (f faultyDecoder) Add(data []byte, binary bool) (*parser.Packet, error) {
	f.call()
	return f.Decoder.Add(data, binary)
}

// Wherever a connection's code has a fault, that connection ends or the event does, no lock of it is left held, others go
// on, and the server shuts down.
func TestServer_fault_everywhere(t *testing.T) {
	bubble(t, "every call in turn", func(t *testing.T) {
		var left atomic.Int64
		log := slog.New(slog.DiscardHandler)
		records := newRecorder()
		records.append, records.offset = faulty{&left}.call, faulty{&left}.call
		io, err := socketio.New(&socketio.Options{
			Logger:  log,
			Parser:  faultyParser{faulty: faulty{left: &left}},
			Adapter: cluster.Config{Log: records},
		})
		if err != nil {
			t.Fatal(err)
		}
		io.Of("/other")
		io.On("work", func(ctx context.Context, s *socketio.Socket, m *event.Message) error {
			err := errors.Join(s.Join("room"), s.Emit("one"), io.To("room").Emit("two"))
			s.Leave("room")
			return errors.Join(err, m.Ack(len(s.Rooms())))
		})
		io.On("kick", func(_ context.Context, s *socketio.Socket, _ *event.Message) error { s.Disconnect(true); return nil })
		io.On("fine", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack() })
		l := memnet.Listen()
		server := &http.Server{Handler: io}
		go server.Serve(l)
		defer server.Close()
		n := &node{Server: io, dialer: l.DialContext}
		lives := n.join(t)
		faults, at := int64(0), int64(0)
		for over := false; !over; {
			at++
			c := n.dial(t)
			synctest.Wait()
			before := io.Stats()
			left.Store(at)
			for _, m := range []string{"40", "40/other,", `42["work"]`, `430[]`, "41/other,", `42["kick"]`} {
				_ = c.trySend(m) // the connection may have ended
				synctest.Wait()
			}
			over = left.Swap(0) > 0 // a life without a fault
			c.conn.Close()
			synctest.Wait()
			after := io.Stats()
			faults += after.Panics + after.Engine.Panics + after.HandlerPanics - before.Panics - before.Engine.Panics - before.HandlerPanics
			if after.Engine.Sessions != 1 {
				t.Fatalf("a fault in call %d leaves %d sessions", at, after.Engine.Sessions)
			}
			lives.send(`420["fine"]`)
			lives.expect(`430[]`)
		}
		if faults < at-1 || at < 15 {
			t.Errorf("%d calls, %d faults counted", at-1, faults)
		}
		if err := io.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// counting counts what is encoded.
type counting struct {
	parser.JSON
	encoded *atomic.Int64
}

func (c counting) Encode(p *parser.Packet) ([]parser.Frame, error) {
	c.encoded.Add(1)
	return c.JSON.Encode(p)
}

func TestBroadcast_encodes_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var encoded atomic.Int64
		n := serve(t, &socketio.Options{Parser: counting{encoded: &encoded}})
		var clients []*client
		for range 10 {
			clients = append(clients, n.join(t))
		}
		p := n.poll(t)
		p.join()
		encoded.Store(0)
		if err := n.Emit("e", []byte{1}, "x"); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			c.expect(`451-["e",{"_placeholder":true,"num":0},"x"]`, "<01>")
		}
		if got := p.get(); got != `451-["e",{"_placeholder":true,"num":0},"x"]|bAQ==` {
			t.Errorf("polling got %q", got)
		}
		if got := encoded.Load(); got != 1 {
			t.Errorf("encoded %d times", got)
		}
	})
}

// What clients have left half done is gone with them.
func TestServer_leaves_nothing_behind(t *testing.T) {
	serveTCP(t, nil).join(t) // what is made once and kept, is made
	runtime.GC()
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	io, err := socketio.New(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := memnet.Listen()
	server := &http.Server{Handler: io}
	go server.Serve(l)
	n := &node{Server: io, dialer: l.DialContext}
	release := make(chan struct{})
	io.On("slow", func(context.Context, *socketio.Socket, *event.Message) error { <-release; return nil })
	bytes := hexBytes(50_000)
	clients := make([]*client, 40)
	for i := range clients {
		c, err := n.tryOpen(t)
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = c
		c.send("40")
		c.readMessage()
		switch i % 3 {
		case 0: // attachments that will never be complete
			c.send(`4510-["x"]`)
			for range 9 {
				c.send(bytes)
			}
		case 1: // an inbox that is full
			c.flood("/", 0, 300, `,"`+strings.Repeat("x", 1_000)+`"`)
		default:
			c.send(`42["slow"]`, `42["slow"]`, `45999-/nope,["x"]`)
		}
		if i%2 == 0 {
			c.conn.Close()
		}
	}
	close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := io.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for _, c := range clients {
		c.conn.Close()
	}
	clients = nil
	for range 1000 { // the clients' own goroutines have yet to see the end
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("%d goroutines, %d before", got, goroutines)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	runtime.KeepAlive(io)
}

// A burst of events makes no burst of goroutines.
func TestServer_goroutines_of_a_connection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, nil)
		release := make(chan struct{})
		n.On("e", func(context.Context, *socketio.Socket, *event.Message) error { <-release; return nil })
		c := n.join(t)
		synctest.Wait()
		before := runtime.NumGoroutine()
		for range 200 {
			c.send(`42["e"]`)
		}
		synctest.Wait()
		if got := runtime.NumGoroutine(); got > before+1 {
			t.Errorf("%d goroutines more", got-before)
		}
		close(release)
	})
}
