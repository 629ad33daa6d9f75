package engineio_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/pipe"
)

const base = "http://parley.test/engine.io/"

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request to the server. Headers are given as "Name: value".
func (r *rig) do(method, query, body string, headers ...string) answer {
	r.t.Helper()
	a, err := r.try(method, query, body, headers...)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, query, err)
	}
	return a
}

func (r *rig) try(method, query, body string, headers ...string) (answer, error) {
	var reader io.Reader
	if body != "" || method == "POST" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequest(method, base+query, reader)
	if err != nil {
		return answer{}, err
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	response, err := r.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(got)}, err
}

// handshake is the data of an open packet.
type handshake struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func parseOpen(t testing.TB, packet string) (h handshake) {
	t.Helper()
	data, ok := strings.CutPrefix(packet, "0")
	if !ok || json.Unmarshal([]byte(data), &h) != nil {
		t.Fatalf("not an open packet: %q", packet)
	}
	return h
}

// poller is a client on polling.
type poller struct {
	*rig
	handshake
	query string
}

// poll opens a session on polling, by a request with these headers, and returns both sides.
func (r *rig) poll(headers ...string) (*poller, *peer) {
	r.t.Helper()
	a := r.do("GET", "?EIO=4&transport=polling", "", headers...)
	if a.status != 200 {
		r.t.Fatalf("handshake: %d %s", a.status, a.body)
	}
	h := parseOpen(r.t, a.body)
	return &poller{r, h, "?EIO=4&transport=polling&sid=" + h.SID}, r.peer()
}

// gets polls and checks the answer.
func (c *poller) gets(want string) {
	c.t.Helper()
	if a := c.do("GET", c.query, ""); a.status != 200 || a.body != want {
		c.t.Fatalf("poll = %d %q, want %q", a.status, a.body, want)
	}
}

// posts sends packets and checks that they are taken.
func (c *poller) posts(body string) {
	c.t.Helper()
	if a := c.do("POST", c.query, body); a.status != 200 || a.body != "ok" {
		c.t.Fatalf("POST %.50q = %d %q", body, a.status, a.body)
	}
}

// hold polls in the background, and returns when the poll is held. Its answer comes through the channel; an error has
// the status 0.
func (c *poller) hold() <-chan answer {
	c.t.Helper()
	answers := c.polls()
	eventually(c.t, c.net.patience, "a poll to be held", func() bool { return c.engine.HoldsPoll(c.SID) })
	return answers
}

// polls is hold without waiting.
func (c *poller) polls() <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		a, err := c.try("GET", c.query, "")
		if err != nil {
			a.body = err.Error()
		}
		answers <- a
	}()
	return answers
}

// gone checks that the server does not know the session any more.
func (c *poller) gone() {
	c.t.Helper()
	c.refused(400, `{"code":1,"message":"Session ID unknown"}`)
}

func (c *poller) refused(status int, body string) {
	c.t.Helper()
	if a := c.do("GET", c.query, ""); a.status != status || a.body != body {
		c.t.Fatalf("poll = %d %q, want %d %q", a.status, a.body, status, body)
	}
}

// answered waits for the answer of a held poll and checks it.
func (c *poller) answered(held <-chan answer, want string) {
	c.t.Helper()
	if a := receive(c.t, c.net.patience, "the held poll", held); a.status != 200 || a.body != want {
		c.t.Fatalf("held poll = %d %q, want %q", a.status, a.body, want)
	}
}

// socket is a client's websocket, frame by frame. Where another transport is in its place, packets are shown as the frames
// that they would be.
type socket struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	pipe *pipe.Client // nil: it is a websocket
}

// raw connects without saying anything.
func (r *rig) raw() *socket {
	r.t.Helper()
	conn, err := r.net.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(2 * r.net.patience))
	return &socket{t: r.t, conn: conn, in: bufio.NewReader(conn)}
}

// websocketRequest is the text of a handshake, with more headers or the start of the new protocol behind it.
func websocketRequest(query string, headers ...string) string {
	return "GET /engine.io/" + query + " HTTP/1.1\r\nHost: parley.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		strings.Join(append(headers, "", ""), "\r\n")
}

// upgrade opens a websocket and checks that the server agrees.
func (r *rig) upgrade(query string, headers ...string) *socket {
	r.t.Helper()
	c, status := r.tryUpgrade(query, headers...)
	if status != 101 {
		r.t.Fatalf("status %d", status)
	}
	return c
}

// tryUpgrade opens a websocket. The status is zero when there was no answer.
func (r *rig) tryUpgrade(query string, headers ...string) (c *socket, status int) {
	r.t.Helper()
	c, a := r.ask(query, headers...)
	return c, a.status
}

// ask asks for a websocket, and returns it with the answer. The status is zero when there was none.
func (r *rig) ask(query string, headers ...string) (c *socket, a answer) {
	r.t.Helper()
	if r.net.pipe != nil {
		return r.askPipe(query, headers...)
	}
	c = r.raw()
	c.write(websocketRequest(query, headers...))
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return c, a
	}
	a = answer{status: response.StatusCode, header: response.Header}
	if response.Close {
		a.header.Set("Connection", "close") // as it came
	}
	if a.status != 101 {
		body, _ := io.ReadAll(response.Body)
		a.body = string(body)
	}
	return c, a
}

// askPipe is ask for the other transport.
func (r *rig) askPipe(query string, headers ...string) (*socket, answer) {
	client, err := r.net.pipe.Dial(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close() })
	client.SetReadDeadline(time.Now().Add(2 * r.net.patience))
	name, value := client.Header()
	query = strings.Replace(query, "transport=websocket", "transport=pipe", 1)
	a, _ := r.try("GET", query, "", append(headers, name+": "+value)...)
	if a.status == 200 {
		a.status = 101
	}
	return &socket{t: r.t, conn: client, pipe: client}, a
}

// websocket opens a session on a websocket and returns both sides.
func (r *rig) websocket() (*socket, *peer) {
	r.t.Helper()
	c := r.upgrade("?EIO=4&transport=websocket")
	c.opens()
	return c, r.peer()
}

// probe opens a websocket for the session of c.
func (c *poller) probe() *socket {
	c.t.Helper()
	return c.upgrade("?EIO=4&transport=websocket&sid=" + c.SID)
}

// opens reads the open packet.
func (c *socket) opens() handshake {
	c.t.Helper()
	h, payload := c.frame()
	if h.OpCode != ws.OpText {
		c.t.Fatalf("first frame is %+v", h)
	}
	return parseOpen(c.t, string(payload))
}

// write sends bytes as they are.
func (c *socket) write(bytes string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, bytes); err != nil {
		c.t.Fatal(err)
	}
}

// response reads the head of a response, and the body of one that has it.
func (c *socket) response() *http.Response {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

// says sends text messages.
func (c *socket) says(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		c.sends(ws.NewTextFrame([]byte(text)))
	}
}

// sends sends a frame, masked.
func (c *socket) sends(frames ...ws.Frame) {
	c.t.Helper()
	for _, f := range frames {
		if err := c.trySend(f); err != nil {
			c.t.Fatal(err)
		}
	}
}

// trySend sends a frame, if the connection is still there.
func (c *socket) trySend(f ws.Frame) error {
	switch {
	case c.pipe == nil:
		_, err := io.WriteString(c.conn, masked(f))
		return err
	case f.Header.OpCode == ws.OpClose:
		return c.pipe.End()
	case f.Header.OpCode == ws.OpBinary:
		return c.pipe.Send(eio.Packet{Type: eio.TypeMessage, Data: f.Payload, Binary: true})
	}
	p, err := eio.Revision4{}.DecodeText(f.Payload)
	if err != nil {
		p.Type = '?' // what is no packet there is none here
	}
	return c.pipe.Send(p)
}

// begins sends the beginning of a message.
func (c *socket) begins(text string) {
	c.t.Helper()
	whole := masked(ws.NewTextFrame([]byte(text)))
	if c.pipe != nil {
		whole = "4\x00\x00\x00\x00\xff" + text
	}
	if _, err := io.WriteString(c.conn, whole[:8]); err != nil {
		c.t.Fatal(err)
	}
}

// reset ends the connection without a word.
func (c *socket) reset() {
	conn := c.conn
	if c.pipe != nil {
		conn = c.pipe.Conn
	}
	conn.(*memnet.Conn).Reset()
}

// breaksRule sends what the transport does not allow.
func (c *socket) breaksRule() {
	c.t.Helper()
	if c.pipe != nil {
		c.sends(ws.NewTextFrame(bytes.Repeat([]byte("4"), 2_000_000)))
		return
	}
	c.write("test")
}

// masked returns the bytes of a client's frame.
func masked(f ws.Frame) string {
	return string(ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4})))
}

// frame reads a frame.
func (c *socket) frame() (ws.Header, []byte) {
	c.t.Helper()
	h, payload, err := c.tryFrame()
	if err != nil {
		c.t.Fatalf("reading a frame: %v", err)
	}
	return h, payload
}

func (c *socket) tryFrame() (ws.Header, []byte, error) {
	if c.pipe != nil {
		return c.tryPacket()
	}
	h, err := ws.ReadHeader(c.in)
	if err != nil {
		return h, nil, err
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(c.in, payload)
	return h, payload, err
}

// tryPacket is tryFrame of the other transport.
func (c *socket) tryPacket() (h ws.Header, payload []byte, err error) {
	p, ended, err := c.pipe.Receive()
	switch {
	case err != nil:
		return h, nil, err
	case ended:
		return ws.Header{OpCode: ws.OpClose}, nil, nil
	case p.Binary:
		return ws.Header{OpCode: ws.OpBinary}, p.Data, nil
	}
	return ws.Header{OpCode: ws.OpText}, append([]byte{byte(p.Type)}, p.Data...), nil
}

// hears checks the next text messages from the server.
func (c *socket) hears(want ...string) {
	c.t.Helper()
	for _, text := range want {
		if h, got := c.frame(); h.OpCode != ws.OpText || string(got) != text {
			c.t.Fatalf("got %s, want %q", describe(h, got), text)
		}
	}
}

// closes reads a close frame with the payload given, and then the end of the connection.
func (c *socket) closes(want string) {
	c.t.Helper()
	if h, got := c.frame(); h.OpCode != ws.OpClose || string(got) != want {
		c.t.Fatalf("got %s, want a close frame with %q", describe(h, got), want)
	}
	c.sends(ws.NewCloseFrame(nil))
	c.ends()
}

// ends waits for the end of the connection.
func (c *socket) ends() {
	c.t.Helper()
	if h, got, err := c.tryFrame(); err == nil {
		c.t.Fatalf("got %s, want the end", describe(h, got))
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.t.Fatal("the connection stays open")
	}
}

func describe(h ws.Header, payload []byte) string {
	return fmt.Sprintf("opcode %d %.100q", h.OpCode, payload)
}

// status is the payload of a close frame with a code and no reason.
func status(code ws.StatusCode) string { return string(ws.NewCloseFrameBody(code, "")) }

func decoded(t testing.TB, text string) string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
