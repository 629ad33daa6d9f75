package socketio_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// bubble runs a subtest with a clock of its own.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// node is a server on a network of its own.
type node struct {
	*socketio.Server
	dialer dialFunc
}

// serve starts a server on a network in memory. At the end of the test it is shut down and must not have had a fault.
func serve(t testing.TB, opts *socketio.Options) *node {
	t.Helper()
	l := memnet.Listen()
	return serveOn(t, l, l.DialContext, &http.Server{}, opts)
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

func serveOn(t testing.TB, l net.Listener, dial dialFunc, server *http.Server, opts *socketio.Options) *node {
	t.Helper()
	if opts == nil {
		opts = &socketio.Options{}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	io, err := socketio.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	server.Handler = io
	go server.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		server.Close()
		if s := io.Stats(); s.Panics+s.Engine.Panics > 0 || s.Engine.Sessions > 0 {
			t.Errorf("faults or sessions are left: %+v", s)
		}
	})
	return &node{Server: io, dialer: dial}
}

// client is a client on a websocket that speaks raw packets. A text message stands as its text, a binary one as its hex
// digits in <>, a close frame as "close" with its code, the end of the connection as "end".
type client struct {
	t       testing.TB
	conn    net.Conn
	reader  io.Reader
	in      chan string   // what the server has sent; closed by pump
	writing chan struct{} // a lock that a bubble's clock does not wait for
	sid     string        // the id of the socket that joined last
}

// dial opens a session whose packets are read as they come. Pings are answered.
func (n *node) dial(t testing.TB) *client {
	t.Helper()
	c := n.open(t)
	go c.pump()
	return c
}

// open opens a session and reads nothing but the handshake.
func (n *node) open(t testing.TB) *client {
	t.Helper()
	c, err := n.tryOpen(t)
	if err != nil {
		t.Fatalf("dialing: %v", err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

func (n *node) tryOpen(t testing.TB) (*client, error) {
	dialer := ws.Dialer{NetDial: n.dialer}
	conn, buffered, _, err := dialer.Dial(t.Context(), "ws://parley.test/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		return nil, err
	}
	if buffered == nil {
		buffered = bufio.NewReader(conn)
	}
	c := &client{t: t, conn: conn, reader: buffered, in: make(chan string, 4096), writing: make(chan struct{}, 1)}
	if open := c.readMessage(); !strings.HasPrefix(open, `0{"sid":`) {
		conn.Close()
		return nil, fmt.Errorf("got %q instead of a handshake", open)
	}
	return c, nil
}

// join opens a session that joins namespaces, "/" if none is given.
func (n *node) join(t testing.TB, namespaces ...string) *client {
	t.Helper()
	c := n.dial(t)
	for _, name := range namespaces {
		c.join(name)
	}
	if len(namespaces) == 0 {
		c.join("/")
	}
	return c
}

// join joins a namespace and returns the socket's id. A client that is told a pid does not use it; see enter.
func (c *client) join(namespace string) string {
	c.t.Helper()
	c.send(packet("40", namespace))
	reply := c.next()
	id, ok := strings.CutPrefix(reply, packet("40", namespace)+`{"sid":"`)
	if i := strings.Index(id, `","pid":"`); i >= 0 && len(id) == 22+29 {
		id = id[:i] + `"}`
	}
	if !ok || len(id) != 22 {
		c.t.Fatalf("joining %s: got %q", namespace, reply)
	}
	c.sid = id[:20]
	return c.sid
}

// packet begins a packet for a namespace.
func packet(kind, namespace string) string {
	if namespace == "/" {
		return kind
	}
	return kind + namespace + ","
}

// socket returns the server's side of the socket that joined last.
func (n *node) socket(t testing.TB, c *client, namespace string) *socketio.Socket {
	t.Helper()
	sockets := n.Of(namespace).In(c.sid).Sockets()
	if len(sockets) != 1 {
		t.Fatalf("%d sockets have the id %q", len(sockets), c.sid)
	}
	return sockets[0]
}

// pump reads until the connection ends.
func (c *client) pump() {
	defer close(c.in)
	for {
		m := c.readMessage()
		if m == "2" {
			c.write(ws.OpText, []byte("3"))
			continue
		}
		c.in <- m
		if m == "end" {
			return
		}
	}
}

// readMessage reads one message. It answers a close frame and ends the connection then.
func (c *client) readMessage() string {
	h, err := ws.ReadHeader(c.reader)
	payload := make([]byte, min(h.Length, 1<<24))
	if err == nil {
		_, err = io.ReadFull(c.reader, payload)
	}
	switch {
	case err != nil:
		c.conn.Close()
		return "end"
	case h.OpCode == ws.OpBinary:
		return "<" + hex.EncodeToString(payload) + ">"
	case h.OpCode == ws.OpClose:
		c.write(ws.OpClose, payload)
		code, _ := ws.ParseCloseFrameData(payload)
		if code.Empty() {
			return "close"
		}
		return fmt.Sprint("close ", int(code))
	default:
		return string(payload)
	}
}

// send sends messages in the form that the type describes.
func (c *client) send(messages ...string) {
	c.t.Helper()
	for _, m := range messages {
		if err := c.trySend(m); err != nil {
			c.t.Errorf("sending %.40q: %v", m, err)
		}
	}
}

func (c *client) trySend(m string) error {
	if digits, ok := strings.CutPrefix(m, "<"); ok {
		data, err := hex.DecodeString(strings.TrimSuffix(digits, ">"))
		return errors.Join(err, c.write(ws.OpBinary, data))
	}
	return c.write(ws.OpText, []byte(m))
}

func (c *client) write(op ws.OpCode, payload []byte) error {
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewFrame(op, true, payload)))
	if err != nil {
		return err
	}
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	_, err = c.conn.Write(frame)
	return err
}

// next returns the next message.
func (c *client) next() string {
	c.t.Helper()
	select {
	case m, ok := <-c.in:
		if !ok {
			c.t.Fatal("read behind the end of the connection")
		}
		return m
	case <-time.After(time.Minute):
		c.t.Fatal("nothing came for a minute")
		return ""
	}
}

// expect compares the next messages.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.t.Fatalf("got %.300q, want %.300q", got, w)
		}
	}
}

// quiet checks that nothing more has come. It waits until everybody in the bubble waits.
func (c *client) quiet() {
	c.t.Helper()
	if got := c.came(); len(got) > 0 {
		c.t.Fatalf("got %q, want nothing", got)
	}
}

// came returns all that has come, when everybody in the bubble waits.
func (c *client) came() (all []string) {
	synctest.Wait()
	for {
		select {
		case m, ok := <-c.in:
			if !ok {
				return all
			}
			all = append(all, m)
		default:
			return all
		}
	}
}

// closed checks that the server closes the connection, after the messages given.
func (c *client) closed(before ...string) {
	c.t.Helper()
	c.expect(before...)
	c.expect("close", "end")
}

// journal collects lines from several goroutines.
type journal struct{ lines chan string }

func newJournal() journal { return journal{make(chan string, 10_000)} }

func (j journal) add(format string, args ...any) { j.lines <- fmt.Sprintf(format, args...) }

// take returns the lines so far.
func (j journal) take() (all []string) {
	for {
		select {
		case line := <-j.lines:
			all = append(all, line)
		default:
			return all
		}
	}
}

// expect compares the lines so far, when everybody in the bubble waits.
func (j journal) expect(t testing.TB, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := j.take(); !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}
