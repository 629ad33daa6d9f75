package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/realtime"
	"github.com/parleyio/parley/backend/store"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/internal/testing/leak"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

func TestMain(m *testing.M) { leak.Main(m) }

// world is a running backend and the network that leads to it.
type world struct {
	t       *testing.T
	server  *socketio.Server
	service *backend.Service
	events  backend.Dispatcher
	network *memnet.Listener
	logged  atomic.Int32 // lines that an operator would see
	carried atomic.Int64 // bytes that peers have received
}

// counter is a slog.Handler that counts.
type counter struct {
	slog.Handler
	lines *atomic.Int32
}

func (c counter) Handle(ctx context.Context, r slog.Record) error {
	c.lines.Add(1)
	return c.Handler.Handle(ctx, r)
}

// run runs a test against a backend of its own, in a time of its own: nothing is waited for in vain, and "nothing
// happens" is known for certain.
//
// Each change of presence is published, unless configure says otherwise.
func run(t *testing.T, test func(t *testing.T, w *world), configure ...func(*backend.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), ":memory:", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		test(t, start(t, s, configure...))
	})
}

// start serves a backend with this store until the test ends.
func start(t *testing.T, s backend.Store, configure ...func(*backend.Options)) *world {
	t.Helper()
	w := &world{t: t, network: memnet.Listen()}
	log := slog.New(counter{slog.NewTextHandler(t.Output(), nil), &w.logged})
	sio, err := socketio.New(&socketio.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	w.server = sio
	w.events = backend.NewDirect(log)
	options := backend.Options{Store: s, Events: w.events, PresenceInterval: -1, Logger: log}
	for _, change := range configure {
		change(&options)
	}
	if w.service, err = backend.NewService(options); err != nil {
		t.Fatal(err)
	}
	handlers := realtime.New(realtime.Options{IO: sio, Service: w.service, Logger: log})
	server := &http.Server{Handler: sio}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(w.network)
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sio.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		handlers.Close()
		w.service.Close()
		server.Close()
		<-served
	})
	return w
}

// publish publishes an event as the service does.
func (w *world) publish(e backend.Event) error { return w.events.Publish(context.Background(), e) }

// peer is a Socket.IO client with just what these tests need.
type peer struct {
	t       *testing.T
	id      string // of its socket
	conn    net.Conn
	packets chan *parser.Packet // closed by read when the connection ends
	waiting []*parser.Packet    // events that came while an acknowledgement was awaited
	acks    uint64
}

// connect returns a connected peer.
func (w *world) connect() *peer {
	w.t.Helper()
	dialer := ws.Dialer{NetDial: w.network.DialContext}
	conn, buffered, _, err := dialer.Dial(w.t.Context(), "ws://parley/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		w.t.Fatal(err)
	}
	p := &peer{t: w.t, conn: conn, packets: make(chan *parser.Packet, 4096)}
	var in io.Reader = conn
	if buffered != nil { // the server's first packet came together with its handshake
		in = buffered
	}
	go p.read(struct {
		io.Reader
		io.Writer
	}{counted{in, &w.carried}, conn})
	w.t.Cleanup(func() { conn.Close() })
	p.send(&parser.Packet{Type: parser.Connect})
	var answer struct{ SID string }
	if err := json.Unmarshal(p.next().Data, &answer); err != nil || answer.SID == "" {
		w.t.Fatalf("connect: %v", err)
	}
	p.id = answer.SID
	return p
}

// counted counts what is read.
type counted struct {
	io.Reader
	bytes *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// read decodes what arrives, until the connection ends.
func (p *peer) read(conn io.ReadWriter) {
	defer close(p.packets)
	decoder := parser.JSON{}.NewDecoder(parser.Limits{})
	for {
		data, op, err := wsutil.ReadServerData(conn)
		if err != nil {
			return
		}
		var packet *parser.Packet
		switch {
		case op == ws.OpBinary:
			packet, err = decoder.Add(data, true)
		case data[0] == '2': // ping
			err = wsutil.WriteClientText(conn, []byte("3"))
		case data[0] == '4': // message
			packet, err = decoder.Add(data[1:], false)
		}
		if err != nil {
			return
		}
		if packet != nil {
			p.packets <- packet
		}
	}
}

func (p *peer) send(packet *parser.Packet) {
	p.t.Helper()
	frames, err := parser.JSON{}.Encode(packet)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range frames {
		op, data := ws.OpBinary, f.Data
		if !f.Binary {
			op, data = ws.OpText, append([]byte{'4'}, f.Data...)
		}
		if err := wsutil.WriteClientMessage(p.conn, op, data); err != nil {
			p.t.Fatal(err)
		}
	}
}

// emit sends an event that is not to be acknowledged.
func (p *peer) emit(name string, args ...any) {
	p.t.Helper()
	p.sendEvent(nil, name, args)
}

func (p *peer) sendEvent(id *uint64, name string, args []any) {
	p.t.Helper()
	data, attachments, err := payload.MarshalEvent(name, args, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	packet := &parser.Packet{Type: parser.Event, Data: data, Attachments: attachments}
	if id != nil {
		packet.HasID, packet.ID = true, *id
	}
	p.send(packet)
}

// next returns the next packet.
func (p *peer) next() *parser.Packet {
	p.t.Helper()
	select {
	case packet, ok := <-p.packets:
		if !ok {
			p.t.Fatal("the connection has ended")
		}
		return packet
	case <-time.After(time.Minute):
		p.t.Fatal("nothing has come")
	}
	return nil
}

// call sends an event and returns its acknowledgement as JSON.
func (p *peer) call(name string, args ...any) string {
	p.t.Helper()
	return text(p.callRaw(name, args...), 0)
}

func (p *peer) callRaw(name string, args ...any) *parser.Packet {
	p.t.Helper()
	p.acks++
	id := p.acks
	p.sendEvent(&id, name, args)
	for {
		packet := p.next()
		if packet.Type == parser.Ack && packet.ID == id {
			return packet
		}
		p.waiting = append(p.waiting, packet)
	}
}

// event returns the next event, which must have this name, as JSON.
func (p *peer) event(name string) string {
	p.t.Helper()
	return text(p.eventRaw(name), 1)
}

func (p *peer) eventRaw(name string) *parser.Packet {
	p.t.Helper()
	var packet *parser.Packet
	if len(p.waiting) > 0 {
		packet, p.waiting = p.waiting[0], p.waiting[1:]
	} else {
		packet = p.next()
	}
	if got, _, _ := payload.EventName(packet.Data); got != name {
		p.t.Fatalf("got %s, want %s", packet.Data, name)
	}
	return packet
}

// quiet makes sure that nothing more has come, or is on its way, to the peers.
func quiet(t *testing.T, peers ...*peer) {
	t.Helper()
	synctest.Wait()
	for i, p := range peers {
		for _, packet := range p.waiting {
			t.Errorf("peer %d has got %s", i, packet.Data)
		}
		for len(p.packets) > 0 {
			t.Errorf("peer %d has got %s", i, (<-p.packets).Data)
		}
	}
}

// forget drops what has come so far.
func forget(peers ...*peer) {
	synctest.Wait()
	for _, p := range peers {
		p.waiting = nil
		for len(p.packets) > 0 {
			<-p.packets
		}
	}
}

// drop ends the connection as a crash would.
func (p *peer) drop() { p.conn.Close() }

// text returns the only argument behind the first skip elements of a packet.
func text(packet *parser.Packet, skip int) string {
	var elements []json.RawMessage
	if err := json.Unmarshal(packet.Data, &elements); err != nil || len(elements) != skip+1 {
		return fmt.Sprintf("%s (%d elements, %v)", packet.Data, len(elements), err)
	}
	return string(elements[skip])
}

// want compares JSON texts. In the wanted one, NOW stands for the present time.
func want(t *testing.T, got, wanted string) {
	t.Helper()
	now, _ := json.Marshal(backend.Now())
	wanted = strings.ReplaceAll(wanted, "NOW", string(now))
	var g, w any
	if err := json.Unmarshal([]byte(wanted), &w); err != nil {
		t.Fatalf("test: %v: %s", err, wanted)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil || !reflect.DeepEqual(g, w) {
		t.Errorf("\ngot  %s\nwant %s", got, wanted)
	}
}

// wantCode checks that an acknowledgement is an error with this code, a message, and nothing besides.
func wantCode(t *testing.T, ack, code string) {
	t.Helper()
	var answer map[string]map[string]string
	if err := json.Unmarshal([]byte(ack), &answer); err != nil || len(answer) != 1 || len(answer["error"]) != 2 ||
		answer["error"]["code"] != code || answer["error"]["message"] == "" {
		t.Errorf("got %s, want an error with code %s", ack, code)
	}
}
