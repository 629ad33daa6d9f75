package limits_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// transports are the transports of a session; "upgraded" is a session that was upgraded from polling to a websocket.
var transports = []string{"polling", "websocket", "upgraded"}

const path = "/socket.io/?EIO=4&transport="

// client is a session. It writes packets as they are on polling. At the end it records "close" with the code of the close
// frame, if there is one, and then "end".
type client struct {
	t      *testing.T
	n      *node
	sid    string
	conn   net.Conn      // of the websocket; nil on polling
	in     chan string   // received packets; closed by the goroutine that reads
	lock   chan struct{} // held while a frame is written
	gate   chan struct{} // held while the client does not read
	silent bool          // pings are not answered
}

// open opens a session.
func (n *node) open(t *testing.T, transport string, silent bool) *client {
	t.Helper()
	c := &client{t: t, n: n, in: make(chan string, 10_000), lock: make(chan struct{}, 1), gate: make(chan struct{}, 1), silent: silent}
	if transport == "websocket" {
		reader := c.dial("")
		go c.read(reader)
		c.handshake(c.next())
		return c
	}
	status, opened := n.request(t, "GET", path+"polling", "")
	if status != http.StatusOK {
		t.Fatalf("no session: %d %s", status, opened)
	}
	c.handshake(opened)
	if transport == "polling" {
		go c.poll()
		return c
	}
	reader := c.dial("&sid=" + c.sid)
	c.frame(ws.OpText, "2probe")
	if _, probe, err := c.message(reader); err != nil || probe != "3probe" {
		t.Fatalf("upgrading: %q, %v", probe, err)
	}
	c.frame(ws.OpText, "5")
	go c.read(reader)
	return c
}

func (c *client) handshake(opened string) {
	c.t.Helper()
	_, rest, found := strings.Cut(opened, `{"sid":"`)
	if c.sid, _, _ = strings.Cut(rest, `"`); !found {
		c.t.Fatalf("no handshake: %q", opened)
	}
}

// dial opens a websocket. It offers compression, which a server accepts only if PerMessageDeflate is set.
func (c *client) dial(query string) io.Reader {
	c.t.Helper()
	dialer := ws.Dialer{NetDial: c.n.dial}
	dialer.Extensions = append(dialer.Extensions, wsflate.DefaultParameters.Option())
	conn, ahead, _, err := dialer.Dial(c.t.Context(), "ws://parley.test"+path+"websocket"+query)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	c.conn = conn
	if ahead != nil {
		return ahead
	}
	return conn
}

// read reads the websocket until it ends.
func (c *client) read(from io.Reader) {
	defer close(c.in)
	for {
		c.pass()
		op, message, err := c.message(from)
		switch {
		case err != nil:
			c.conn.Close()
			c.in <- "end"
			return
		case op == ws.OpClose:
			code, _ := ws.ParseCloseFrameData([]byte(message))
			c.in <- strings.TrimSuffix(fmt.Sprint("close ", int(code)), " 0")
			c.frame(ws.OpClose, message)
		case op == ws.OpText && message == "2":
			c.pong()
		case op == ws.OpText:
			c.in <- message
		}
	}
}

func (c *client) message(from io.Reader) (ws.OpCode, string, error) {
	h, err := ws.ReadHeader(from)
	payload := make([]byte, min(h.Length, limit))
	if err == nil {
		_, err = io.ReadFull(from, payload)
	}
	return h.OpCode, string(payload), err
}

// poll polls until the session ends.
func (c *client) poll() {
	defer close(c.in)
	for {
		c.pass()
		status, body := c.n.request(c.t, "GET", path+"polling&sid="+c.sid, "")
		if status != http.StatusOK || body == "1" {
			c.in <- "end"
			return
		}
		for packet := range strings.SplitSeq(body, "\x1e") {
			switch packet {
			case "2":
				c.pong()
			case "6":
			default:
				c.in <- packet
			}
		}
	}
}

// pass waits while the gate is held.
func (c *client) pass() {
	c.gate <- struct{}{}
	<-c.gate
}

func (c *client) pong() {
	if !c.silent {
		c.send("3")
	}
}

// send sends packets; binary ones begin with "b", as base64. It ignores errors: a lost packet shows in the answers.
func (c *client) send(packets ...string) {
	if len(packets) == 0 {
		return
	}
	if c.conn == nil {
		c.n.request(c.t, "POST", path+"polling&sid="+c.sid, strings.Join(packets, "\x1e"))
		return
	}
	var frames []ws.Frame
	for _, p := range packets {
		if data, ok := strings.CutPrefix(p, "b"); ok {
			binary, _ := base64.StdEncoding.DecodeString(data)
			frames = append(frames, ws.NewBinaryFrame(binary))
		} else {
			frames = append(frames, ws.NewTextFrame([]byte(p)))
		}
	}
	c.write(frames...)
}

func (c *client) frame(op ws.OpCode, payload string) { c.fragment(op, true, payload) }

func (c *client) fragment(op ws.OpCode, fin bool, payload string) {
	c.write(ws.NewFrame(op, fin, []byte(payload)))
}

// write writes all frames at once, so that a slow machine does not need seconds for a thousand.
func (c *client) write(frames ...ws.Frame) {
	var all []byte
	for _, f := range frames {
		frame, err := ws.CompileFrame(ws.MaskFrame(f))
		if err != nil {
			c.t.Error(err)
		}
		all = append(all, frame...)
	}
	c.lock <- struct{}{}
	defer func() { <-c.lock }()
	c.conn.Write(all)
}

// header sends the header of a text frame and the beginning of its payload.
func (c *client) header(length int64, payload string) {
	ws.WriteHeader(c.conn, ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: length})
	io.WriteString(c.conn, payload)
}

// patience is longer than all deadlines of a server.
const patience = 2 * time.Minute

// next returns the next packet, or "" after the end and when no more packets arrive.
func (c *client) next() string {
	select {
	case packet := <-c.in:
		return packet
	case <-time.After(patience):
		return ""
	}
}

// join joins the namespace "/".
func (c *client) join() {
	c.t.Helper()
	c.send("40")
	if reply := c.next(); !strings.HasPrefix(reply, `40{"sid":"`) {
		c.t.Fatalf("joining: %q", reply)
	}
}

const say = `420["say","hello"]` // answered with 430[5]

// alive checks that an event is answered.
func (c *client) alive() {
	c.t.Helper()
	c.send(say)
	for packet := c.next(); packet != "430[5]"; packet = c.next() {
		if packet == "" || packet == "end" {
			c.t.Error("the session has ended, or does not answer")
			return
		}
	}
}

// request sends a request, with headers in pairs. Status 0 means that there was no answer.
func (n *node) request(t *testing.T, method, target, body string, headers ...string) (status int, text string) {
	response, text := n.do(t, method, target, body, headers...)
	if response == nil {
		return 0, text
	}
	return response.StatusCode, text
}

// do is request, and also returns the headers of the answer. The response is nil if there was no answer.
func (n *node) do(t *testing.T, method, target, body string, headers ...string) (response *http.Response, text string) {
	request, err := http.NewRequestWithContext(t.Context(), method, "http://parley.test"+target, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil, ""
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err = n.http.Do(request)
	if err != nil {
		return nil, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err.Error()
	}
	return response, string(data)
}

// upgrade has the headers of a request for a websocket.
var upgrade = []string{"Connection", "Upgrade", "Upgrade", "websocket",
	"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}

// raw sends bytes on a new connection and returns the status and the body of the answer.
func (n *node) raw(t *testing.T, request string) (status int, body string) {
	t.Helper()
	conn, err := n.dial(t.Context(), "tcp", "parley.test:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	go io.WriteString(conn, request) // the server may answer before it has read all
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(data)
}
