package security_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// The targets of a session's first request.
const (
	polling   = "/socket.io/?EIO=4&transport=polling"
	websocket = "/socket.io/?EIO=4&transport=websocket"
)

// wire is a connection on which a test can send any bytes.
type wire struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

// dial connects and sends nothing.
func (r *rig) dial() *wire {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.conns = append(r.conns, conn)
	r.mu.Unlock()
	return &wire{conn, r.t, bufio.NewReader(conn)}
}

// send writes bytes as they are. It ignores errors, because the server may close the connection before it has read them.
func (w *wire) send(text string) {
	w.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(w, text)
}

// sendFrame writes a frame, masked.
func (w *wire) sendFrame(f ws.Frame) { w.send(masked(f)) }

// masked returns the bytes of a client's frame.
func masked(f ws.Frame) string {
	return string(ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4})))
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // the connection
}

// String is the answer's status and body.
func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// is checks the status and the body.
func (a answer) is(t testing.TB, want string) {
	t.Helper()
	if got := a.String(); got != want {
		t.Errorf("got %.300q, want %.300q", got, want)
	}
}

// answer reads a response.
func (w *wire) answer() (answer, error) {
	w.SetReadDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return answer{response.StatusCode, response.Header, "", false}, nil
	}
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body), response.Close}, err
}

// ends checks that the server closes the connection.
func (w *wire) ends() {
	w.t.Helper()
	w.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, w.in)
	if wait, ok := err.(net.Error); ok && wait.Timeout() {
		w.t.Errorf("the connection was not closed in %v", patience)
	}
	w.Close()
}

// head is the text of a request up to its body. A header without a colon is left out.
func head(method, target string, headers ...string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: parley.test\r\n" + strings.Join(append(headers, "", ""), "\r\n")
}

// upgradeHeaders request a websocket.
var upgradeHeaders = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// upgrade is the text of a websocket handshake.
func upgrade(target string, headers ...string) string {
	return head("GET", target, append(append([]string{}, upgradeHeaders...), headers...)...)
}

// request makes one request on a new connection.
func (r *rig) request(method, target, body string, headers ...string) answer {
	r.t.Helper()
	w := r.dial()
	defer w.Close()
	if method == "POST" {
		headers = append(headers, fmt.Sprint("Content-Length: ", len(body)))
	}
	w.send(head(method, target, append(headers, "Connection: close")...) + body)
	a, err := w.answer()
	if err != nil {
		r.t.Fatalf("%s %.100s: %v", method, target, err)
	}
	return a
}

// handshake opens a session on polling and returns its id.
func (r *rig) handshake(headers ...string) (sid string) {
	r.t.Helper()
	a := r.request("GET", polling, "", headers...)
	sid = sidOf(r.t, a.body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polls = append(r.polls, sid)
	return sid
}

// sidOf returns the "sid" of an open packet, or of the answer to a CONNECT.
func sidOf(t testing.TB, packet string) string {
	t.Helper()
	var opened struct {
		SID string `json:"sid"`
	}
	if at := strings.IndexByte(packet, '{'); at < 0 || json.Unmarshal([]byte(packet[at:]), &opened) != nil {
		t.Fatalf("no session id in %.300q", packet)
	}
	return opened.SID
}

// upgrades opens a websocket.
func (r *rig) upgrades(target string, headers ...string) *wire {
	r.t.Helper()
	w := r.dial()
	w.send(upgrade(target, headers...))
	if a, err := w.answer(); err != nil || a.status != 101 {
		r.t.Fatalf("upgrade: %v %v", a, err)
	}
	return w
}

// client is a client that speaks the protocol. It writes a text message as its text, and a binary message as hex digits in <>.
type client struct {
	r         *rig
	t         testing.TB
	transport engineio.Transport
	wire      *wire    // of a websocket
	sid       string   // of the session
	id        string   // of the socket in "/"
	waiting   []string // received and not yet returned
	status    int      // of the last POST
}

// open opens a session. The headers are those of its first request.
func (r *rig) open(transport engineio.Transport, headers ...string) *client {
	r.t.Helper()
	c := &client{r: r, t: r.t, transport: transport}
	if transport == engineio.Polling {
		c.sid = r.handshake(headers...)
		return c
	}
	c.wire = r.upgrades(websocket, headers...)
	_, payload, err := c.wire.frame()
	if err != nil {
		r.t.Fatal(err)
	}
	c.sid = sidOf(r.t, string(payload))
	return c
}

// connect opens a session that joins "/".
func (r *rig) connect(transport engineio.Transport) *client {
	r.t.Helper()
	c := r.open(transport)
	c.joins("")
	return c
}

// joins joins a namespace, with or without an auth payload: "", "/x,", `/x,{"token":1}`.
func (c *client) joins(namespace string) {
	c.t.Helper()
	c.send("0" + namespace)
	reply := c.receive()
	if !strings.HasPrefix(reply, "0") {
		c.t.Fatalf("joining %q: %.200q", namespace, reply)
	}
	c.id = sidOf(c.t, reply)
}

// send sends messages. On polling it sends them in one body and keeps the status of the answer.
func (c *client) send(messages ...string) {
	c.t.Helper()
	if c.transport == engineio.WebSocket {
		for _, m := range messages {
			if digits, ok := strings.CutPrefix(m, "<"); ok {
				c.wire.sendFrame(ws.NewBinaryFrame(unhex(c.t, digits)))
			} else {
				c.wire.sendFrame(ws.NewTextFrame([]byte("4" + m)))
			}
		}
		return
	}
	packets := make([]string, len(messages))
	for i, m := range messages {
		if digits, ok := strings.CutPrefix(m, "<"); ok {
			packets[i] = "b" + base64.StdEncoding.EncodeToString(unhex(c.t, digits))
		} else {
			packets[i] = "4" + m
		}
	}
	c.status = c.r.request("POST", polling+"&sid="+c.sid, strings.Join(packets, "\x1e")).status
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.TrimSuffix(digits, ">"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// receive returns the next message. It answers pings.
func (c *client) receive() string {
	c.t.Helper()
	for {
		m, err := c.tryReceive()
		if err != nil {
			c.t.Fatalf("on %s: %v", c.transport, err)
		}
		if m != "" {
			return m
		}
	}
}

// asks sends a CONNECT and returns the reply. It skips events that arrive before.
func (c *client) asks(connect string) string {
	c.t.Helper()
	c.send(connect)
	reply := c.receive()
	for strings.HasPrefix(reply, "2") {
		reply = c.receive()
	}
	return reply
}

// expects compares the next messages.
func (c *client) expects(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.receive(); got != w {
			c.t.Fatalf("on %s: got %.300q, want %.300q", c.transport, got, w)
		}
	}
}

// tryReceive returns a message, "" for anything else, or an error when the session has ended.
func (c *client) tryReceive() (string, error) {
	if len(c.waiting) > 0 {
		m := c.waiting[0]
		c.waiting = c.waiting[1:]
		return m, nil
	}
	if c.transport == engineio.WebSocket {
		h, payload, err := c.wire.frame()
		switch {
		case err != nil:
			return "", err
		case h.OpCode == ws.OpBinary:
			return "<" + hex.EncodeToString(payload) + ">", nil
		case h.OpCode == ws.OpClose:
			return "", closed(payload)
		case string(payload) == "2":
			c.wire.sendFrame(ws.NewTextFrame([]byte("3")))
			return "", nil
		default:
			return strings.TrimPrefix(string(payload), "4"), nil
		}
	}
	a := c.r.request("GET", polling+"&sid="+c.sid, "")
	if a.status != 200 {
		return "", fmt.Errorf("poll: %v", a)
	}
	for packet := range strings.SplitSeq(a.body, "\x1e") {
		switch {
		case packet == "2":
			c.r.request("POST", polling+"&sid="+c.sid, "3")
		case packet == "1":
			return "", closed(nil)
		case strings.HasPrefix(packet, "4"):
			c.waiting = append(c.waiting, packet[1:])
		case strings.HasPrefix(packet, "b"):
			data, err := base64.StdEncoding.DecodeString(packet[1:])
			if err != nil {
				return "", err
			}
			c.waiting = append(c.waiting, "<"+hex.EncodeToString(data)+">")
		}
	}
	return "", nil
}

// closed is the error for a close frame: its status code, or 1005 if it has none (RFC 6455, section 7.1.5).
type closed []byte

func (c closed) Error() string {
	code, _ := ws.ParseCloseFrameData(c)
	if code.Empty() {
		code = ws.StatusNoStatusRcvd
	}
	return fmt.Sprint("closed with ", int(code))
}

// frame reads a frame.
func (w *wire) frame() (ws.Header, []byte, error) {
	w.SetReadDeadline(time.Now().Add(patience))
	h, err := ws.ReadHeader(w.in)
	if err != nil {
		return h, nil, err
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(w.in, payload)
	return h, payload, err
}

// code reads until the websocket is closed and returns the status code of the close frame, or zero if there was none.
func (w *wire) code() int {
	w.t.Helper()
	defer w.Close()
	for {
		h, payload, err := w.frame()
		switch {
		case err == nil && h.OpCode == ws.OpClose:
			w.sendFrame(ws.NewCloseFrame(payload))
			code, _ := ws.ParseCloseFrameData(payload)
			if code.Empty() {
				code = ws.StatusNoStatusRcvd
			}
			return int(code)
		case err != nil:
			if wait, ok := err.(net.Error); ok && wait.Timeout() {
				w.t.Errorf("the websocket was not closed in %v", patience)
			}
			return 0
		}
	}
}

// expectClosed checks that the server has ended the session. On a websocket there must be a close frame with the code (1005
// means a close frame without one); on polling the server must no longer know the session.
func (c *client) expectClosed(code int) {
	c.t.Helper()
	if c.transport == engineio.WebSocket {
		if got := c.wire.code(); got != code {
			c.t.Errorf("closed with %d, want %d", got, code)
		}
		return
	}
	a := c.r.request("GET", polling+"&sid="+c.sid, "")
	if a.body == "6\x1e1" { // after an orderly close the next poll receives it, once
		a = c.r.request("GET", polling+"&sid="+c.sid, "")
	}
	a.is(c.t, `400 {"code":1,"message":"Session ID unknown"}`)
}
