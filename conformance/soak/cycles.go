package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/parser"
)

// visitor is a client that comes and goes.
type visitor struct {
	ctx  context.Context
	addr string
	rand *rand.Rand
}

// cycles are the ways in which visitors connect and disconnect. An error means that the server misbehaved. What happens to a
// visitor that closes its connection or breaks the protocol is not checked.
func cycles() map[string]func(*visitor) error {
	return map[string]func(*visitor) error{
		"leave":         (*visitor).leave,
		"break off":     (*visitor).breakOff,
		"kicked":        (*visitor).kicked,
		"recover":       (*visitor).recover,
		"read slowly":   (*visitor).readSlowly,
		"garbage":       (*visitor).garbage,
		"half a packet": (*visitor).halfPacket,
		"owe":           (*visitor).owe,
		"flood":         (*visitor).flood,
		"children":      (*visitor).children,
		"half upgrade":  (*visitor).halfUpgrade,
		"half request":  (*visitor).halfRequest,
		"old":           (*visitor).old,
		"panic":         (*visitor).panic,
	}
}

// visit runs cycles until ctx ends, n at the same time, and returns how often each ran.
func visit(ctx context.Context, addr string, n int, seed uint64, problem func(string, ...any)) map[string]int64 {
	all := cycles()
	names := make([]string, 0, len(all))
	counts := make(map[string]*atomic.Int64)
	for name := range all {
		names = append(names, name)
		counts[name] = new(atomic.Int64)
	}
	var visitors sync.WaitGroup
	for i := range n {
		visitors.Go(func() {
			v := &visitor{context.WithoutCancel(ctx), addr, rand.New(rand.NewPCG(seed, 1000+uint64(i)))}
			for ctx.Err() == nil {
				name := names[v.rand.IntN(len(names))]
				if err := all[name](v); err != nil {
					problem("cycle %q: %v", name, err)
				}
				counts[name].Add(1)
			}
		})
	}
	visitors.Wait()
	ran := make(map[string]int64)
	for name, count := range counts {
		ran[name] = count.Load()
	}
	return ran
}

func (v *visitor) kind() string {
	return []string{polling, websocket, upgrade}[v.rand.IntN(3)]
}

func (v *visitor) reset() bool { return v.rand.IntN(2) == 0 }

// pause waits for a random time, at most the given one.
func (v *visitor) pause(most time.Duration) { time.Sleep(time.Duration(v.rand.Int64N(int64(most)))) }

// connect joins "/" and checks that the server answers an event.
func (v *visitor) connect(kind string, auth map[string]string) (*client, error) {
	c, err := connect(v.ctx, v.addr, kind, auth, nil)
	if err != nil {
		return nil, err
	}
	if err := c.call("echo", "hello", []byte{1, 2, 3}); err != nil {
		c.close(true)
		return nil, fmt.Errorf("over %s: %w", kind, err)
	}
	return c, nil
}

func (v *visitor) leave() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	err = c.send(&parser.Packet{Type: parser.Disconnect})
	if err == nil {
		err = c.link.sendPackets("1")
	}
	c.close(false)
	return err
}

func (v *visitor) breakOff() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	for range v.rand.IntN(5) {
		_, _ = c.emit("echo", strings.Repeat("x", v.rand.IntN(5000)))
	}
	v.pause(20 * time.Millisecond)
	c.close(v.reset())
	return nil
}

// kicked makes the server disconnect the socket, with or without the connection.
func (v *visitor) kicked() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	defer c.close(v.reset())
	if _, err := c.emit("kick", v.rand.IntN(2) == 0); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	select {
	case <-c.over: // the disconnect arrived, or the connection ended
		return nil
	case <-time.After(patience):
		return errors.New("the server did not disconnect the client")
	}
}

// recover closes its connection and recovers the socket.
func (v *visitor) recover() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	pid := c.id()
	c.close(v.reset())
	again, err := v.connect(v.kind(), map[string]string{"pid": pid})
	if err != nil {
		return err
	}
	defer again.close(v.reset())
	if again.id() != pid {
		return errors.New("not recovered")
	}
	return nil
}

// readSlowly asks for more than the server queues for a client, and does not read.
func (v *visitor) readSlowly() error {
	conn, in, err := v.raw("EIO=4")
	if err != nil {
		return err
	}
	defer func() { abandon(conn, v.reset()) }()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096) // so that the server has to queue the rest
	}
	child := fmt.Sprintf("/child-%d,", v.rand.IntN(1000))
	if err := writeFrame(conn, ws.OpText, []byte("40"+child)); err != nil {
		return err
	}
	for joined := false; !joined; {
		_, data, err := readSoon(conn, in)
		if err != nil {
			return err
		}
		joined = strings.HasPrefix(string(data), "40"+child)
	}
	if err := writeFrame(conn, ws.OpText, []byte("42"+child+`["flood"]`)); err != nil {
		return err
	}
	time.Sleep(time.Second) // the server needs time to fill its queue
	v.pause(time.Second)
	return nil
}

func (v *visitor) garbage() error {
	conn, _, err := v.raw("EIO=4")
	if err != nil {
		return err
	}
	defer func() { abandon(conn, v.reset()) }()
	for range 1 + v.rand.IntN(4) {
		switch v.rand.IntN(4) {
		case 0:
			bytes := make([]byte, v.rand.IntN(200))
			for i := range bytes {
				bytes[i] = byte(v.rand.UintN(256))
			}
			_, _ = conn.Write(bytes)
		case 1:
			_ = writeFrame(conn, ws.OpBinary, make([]byte, v.rand.IntN(100)))
		default:
			packets := []string{"40", "41", "42", `42["echo",{"a":`, "43", `4518446744073709551615-["x"]`, "4999", "0", "2probe", "5", "6", "3", "40/nowhere,", "42[\"connect\"]", "\xff"}
			_ = writeFrame(conn, ws.OpText, []byte(packets[v.rand.IntN(len(packets))]))
		}
	}
	v.pause(20 * time.Millisecond)
	return nil
}

// halfPacket stops between attachments, fragments or bytes of a frame.
func (v *visitor) halfPacket() error {
	conn, _, err := v.raw("EIO=4")
	if err != nil {
		return err
	}
	defer func() { abandon(conn, v.reset()) }()
	_ = writeFrame(conn, ws.OpText, []byte("40"))
	switch v.rand.IntN(3) {
	case 0:
		_ = writeFrame(conn, ws.OpText, []byte(`459-["echo"]`))
		for range v.rand.IntN(9) {
			_ = writeFrame(conn, ws.OpBinary, make([]byte, 10_000))
		}
	case 1:
		_, _ = conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(ws.OpText, false, []byte(`42["ec`)))))
	default:
		frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(`42["echo","a long text"]`))))
		_, _ = conn.Write(frame[:1+v.rand.IntN(len(frame)-1)])
	}
	v.pause(50 * time.Millisecond)
	if v.rand.IntN(50) == 0 {
		time.Sleep(7 * time.Second) // longer than the server's ReadTimeout
	}
	return nil
}

// owe leaves while the server waits for an acknowledgement and runs a handler.
func (v *visitor) owe() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	_, _ = c.emit("ask")
	_, _ = c.emit("slow")
	v.pause(100 * time.Millisecond)
	c.close(v.reset())
	return nil
}

// flood sends more events than the inbox holds.
func (v *visitor) flood() error {
	c, err := v.connect(websocket, nil)
	if err != nil {
		return err
	}
	defer c.close(v.reset())
	for range 400 {
		if _, err := c.emit("echo", "x"); err != nil {
			return err
		}
	}
	return c.call("echo", "the last")
}

// children joins namespaces that exist only while they have clients.
func (v *visitor) children() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	for range 3 {
		_ = c.send(&parser.Packet{Type: parser.Connect, Namespace: fmt.Sprintf("/child-%d", v.rand.IntN(50))})
	}
	v.pause(20 * time.Millisecond)
	c.close(v.reset())
	return nil
}

// halfUpgrade stops between the probe and the change of the transport.
func (v *visitor) halfUpgrade() error {
	c, err := v.connect(polling, nil)
	if err != nil {
		return err
	}
	c.link.sending.Lock()
	conn, _, err := c.link.probe()
	c.link.sending.Unlock()
	if err == nil {
		v.pause(20 * time.Millisecond)
		abandon(conn, v.reset())
	}
	if err == nil && v.rand.IntN(2) == 0 {
		err = c.call("echo", "still polling")
	}
	c.close(v.reset())
	return err
}

// halfRequest stops in the middle of a request.
func (v *visitor) halfRequest() error {
	conn, err := net.Dial("tcp", v.addr)
	if err != nil {
		return err
	}
	requests := []string{
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n",
		"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n4",
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n", // the session is never polled
	}
	_, _ = conn.Write([]byte(requests[v.rand.IntN(len(requests))]))
	v.pause(20 * time.Millisecond)
	abandon(conn, v.reset())
	return nil
}

// old is a client of Socket.IO 2.
func (v *visitor) old() error {
	conn, in, err := v.raw("EIO=3")
	if err != nil {
		return err
	}
	defer func() { abandon(conn, v.reset()) }()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var heard []string
	for {
		op, data, err := readFrame(conn, in)
		if err != nil {
			return fmt.Errorf("a client of Socket.IO 2 received %q: %w", heard, err)
		}
		heard = append(heard, fmt.Sprintf("%x %.80s", op, data))
		switch string(data) {
		case "40": // it is in "/"
			_ = writeFrame(conn, ws.OpText, []byte("2"))
			_ = writeFrame(conn, ws.OpText, []byte(`420["echo","x"]`))
		case `430["x"]`:
			return nil
		}
	}
}

func (v *visitor) panic() error {
	c, err := v.connect(v.kind(), nil)
	if err != nil {
		return err
	}
	defer c.close(v.reset())
	if _, err := c.emit("panic"); err != nil {
		return err
	}
	return c.call("echo", "still here")
}

// raw opens a websocket without reading from it.
func (v *visitor) raw(query string) (net.Conn, *bufio.Reader, error) {
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	var d ws.Dialer
	conn, in, _, err := d.Dial(ctx, "ws://"+v.addr+"/socket.io/?transport=websocket&"+query)
	if in == nil {
		in = bufio.NewReaderSize(conn, 512)
	}
	return conn, in, err
}
