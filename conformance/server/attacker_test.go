package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/hex"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/parser"
)

// Bounds of a script. Steps beyond them are ignored.
const (
	maxSteps = 200
	maxLine  = 1 << 16
	maxWait  = time.Minute
)

// attacker plays the client's side of conversations. It does not check what it receives and keeps only what later lines
// need. It has the verbs of ../testdata and four more: ">part" sends a text frame that does not end its message, ">more" the
// continuation that ends it, ">z" a compressed text frame, and "reset" ends the connection as a crash does.
type attacker struct {
	listener *memnet.Listener
	revision string
	names    names
	query    string // of the session
	wire     *wire
	sockets  []*wire
	conns    []net.Conn
	answers  []<-chan answer
}

// play performs the lines of a script. It sends a line with an unknown verb as text.
func (a *attacker) play(script string) {
	for i, s := range steps(script) {
		if i == maxSteps {
			return
		}
		a.step(s)
		synctest.Wait()
		a.collect()
	}
}

// steps reads a script: lines as in ../testdata, without cases.
func steps(script string) (all []step) {
	for line := range strings.SplitSeq(script, "\n") {
		verb, text, _ := strings.Cut(line, " ")
		if verb == "|" && len(all) > 0 {
			last := &all[len(all)-1]
			last.headers = append(last.headers, text)
			continue
		}
		all = append(all, step{verb: verb, text: text})
	}
	return all
}

// tooLong matches repetitions that would only cost time.
var tooLong = regexp.MustCompile(`\{. [0-9]{5,}\}`)

// fill replaces names and repetitions in braces. Unknown names stay as they are.
func (a *attacker) fill(text string) string {
	if tooLong.MatchString(text) {
		return text
	}
	text = strings.ReplaceAll(text, "{s}", "?"+a.query)
	text = token.ReplaceAllStringFunc(text, func(found string) string {
		if value, ok := a.names[found[1:len(found)-1]]; ok {
			return value
		}
		return found
	})
	if text = literal(text); len(text) > maxLine {
		text = text[:maxLine]
	}
	return text
}

func (a *attacker) step(s step) {
	text := a.fill(s.text)
	for i := range s.headers {
		s.headers[i] = a.fill(s.headers[i])
	}
	switch s.verb {
	case "revision":
		a.revision = text
	case "polling":
		a.query = "EIO=" + a.revision + "&transport=polling" + text
		a.request("GET", "?"+a.query, s.headers, "")
	case "post":
		a.request("POST", "?"+a.query, s.headers, text)
	case "poll", "hold":
		a.request("GET", "?"+a.query, s.headers, "")
	case "ws":
		a.query = "EIO=" + a.revision + "&transport=websocket" + text
		a.dial("?"+a.query, append(s.headers, upgradeHeaders...))
	case "probe":
		a.dial("?"+strings.Replace(a.query, "transport=polling", "transport=websocket", 1), upgradeHeaders)
	case "upgrade":
		a.dial(text, append(s.headers, upgradeHeaders...))
	case "socket":
		if text != "" && int(text[0]-'1') < len(a.sockets) {
			a.wire = a.sockets[text[0]-'1']
		}
	case "wait":
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			time.Sleep(min(d, maxWait))
		}
	case "cut", "reset":
		a.cut(s.verb == "reset")
	case ">":
		a.send(ws.NewTextFrame([]byte(text)))
	case ">part":
		a.send(ws.NewFrame(ws.OpText, false, []byte(text)))
	case ">z":
		f := ws.NewTextFrame(compress([]byte(text)))
		f.Header.Rsv = ws.Rsv(true, false, false)
		a.send(f)
	case ">more":
		a.send(ws.NewFrame(ws.OpContinuation, true, []byte(text)))
	case ">x", ">raw", ">ping", ">close":
		data, _ := hex.DecodeString(text) // as far as it is hexadecimal
		switch s.verb {
		case ">x":
			a.send(ws.NewBinaryFrame(data))
		case ">ping":
			a.send(ws.NewPingFrame(data))
		case ">close":
			a.send(ws.NewCloseFrame(data))
		default:
			a.write(data)
		}
	case "client", "quiet", "down", "logged", "held", "gone", "shutdown", "=", ":", "#", "":
	default:
		switch {
		case s.verb[0] == '<': // an expectation
		case s.verb == strings.ToUpper(s.verb) && isToken(s.verb):
			query, body, _ := strings.Cut(text, " ")
			a.request(s.verb, query, s.headers, body)
		default:
			a.send(ws.NewTextFrame([]byte(s.verb + " " + text)))
		}
	}
}

// isToken reports whether a verb can be a method of HTTP.
func isToken(verb string) bool {
	return strings.Trim(verb, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// request sends a request and does not wait for the answer.
func (a *attacker) request(method, target string, headers []string, body string) {
	if digits, ok := strings.CutPrefix(body, "0x"); ok {
		data, _ := hex.DecodeString(digits)
		body = string(data)
	}
	conn, answers := request(a.listener, head(method, path(target), headers, body), body)
	if conn != nil {
		a.conns = append(a.conns, conn)
		a.answers = append(a.answers, answers)
	}
}

// path returns the target of a request: an absolute path as it is, a query below the server's path.
func path(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	return "/socket.io/" + target
}

// dial opens a websocket, if the server accepts it.
func (a *attacker) dial(target string, headers []string) {
	if len(headers) > 0 && headers[0] == "only" {
		headers = headers[1 : len(headers)-len(upgradeHeaders)]
	}
	opened := make(chan *wire, 1)
	go func() { // the server may never answer
		w, _ := dial(a.listener, path(target), headers)
		opened <- w
	}()
	select {
	case w := <-opened:
		if w != nil {
			a.wire = w
			a.sockets = append(a.sockets, w)
			a.conns = append(a.conns, w.conn)
		}
	case <-time.After(30 * time.Second): // longer than the server waits for headers
	}
}

// compress compresses a message as permessage-deflate does (RFC 7692, section 7.2.1).
func compress(text []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed) // fails for unknown levels only
	_, _ = w.Write(text)
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
}

func (a *attacker) send(f ws.Frame) { a.write(ws.MustCompileFrame(ws.MaskFrame(f))) }

// write sends bytes over the current websocket. It ignores errors: the server may have closed the connection.
func (a *attacker) write(data []byte) {
	if a.wire == nil {
		return
	}
	_ = a.wire.conn.SetWriteDeadline(time.Now().Add(time.Second)) // the server may have stopped reading
	_, _ = a.wire.conn.Write(data)
}

// cut ends the current websocket, or the latest request if there is none.
func (a *attacker) cut(reset bool) {
	var conn net.Conn
	switch {
	case a.wire != nil:
		conn, a.wire = a.wire.conn, nil
	case len(a.conns) > 0:
		conn = a.conns[len(a.conns)-1]
	default:
		return
	}
	if r, ok := conn.(interface{ Reset() }); ok && reset {
		r.Reset()
	}
	conn.Close()
}

var (
	privateID = regexp.MustCompile(`"pid":"([^"]+)"`)
	lastText  = regexp.MustCompile(`,"([^"]+)"\]$`)
)

// collect reads what has arrived and keeps the secrets in it: the id of the session, and what recovers a socket.
func (a *attacker) collect() {
	waiting := a.answers[:0]
	for _, answers := range a.answers {
		select {
		case got := <-answers:
			a.learn(got.body)
		default:
			waiting = append(waiting, answers)
		}
	}
	a.answers = waiting
	for _, w := range a.sockets {
		for heard := w.next(); heard != ""; heard = w.next() {
			a.learn(heard)
		}
	}
}

func (a *attacker) learn(heard string) {
	if found := openPacket.FindStringSubmatch(heard); found != nil {
		a.names["sid"] = found[1]
		a.query += "&sid=" + found[1]
	}
	if found := privateID.FindStringSubmatch(heard); found != nil {
		a.names["p"] = found[1]
	}
	if found := lastText.FindStringSubmatch(heard); found != nil {
		a.names["offset"] = found[1]
	}
}

// leave closes all connections of the attacker.
func (a *attacker) leave() {
	for _, conn := range a.conns {
		conn.Close()
	}
}

// canary is a well-behaved client. The tests check that the server still answers it.
type canary struct {
	t       *testing.T
	conn    net.Conn
	parser  parser.Parser
	writing chan struct{} // a lock that does not stop the clock of a synctest bubble
	acks    chan uint64   // the ids of received acknowledgements; closed by read
	sent    uint64
}

// newCanary connects a canary, which answers pings from then on.
func newCanary(t *testing.T, l *memnet.Listener, p parser.Parser) *canary {
	t.Helper()
	if p == nil {
		p = parser.JSON{}
	}
	dialer := ws.Dialer{NetDial: l.DialContext}
	conn, buffered, _, err := dialer.Dial(context.Background(), "ws://parley.test/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	if buffered == nil {
		buffered = bufio.NewReader(conn)
	}
	c := &canary{t: t, conn: conn, parser: p, writing: make(chan struct{}, 1), acks: make(chan uint64, 100)}
	go c.read(buffered)
	c.send(&parser.Packet{Type: parser.Connect})
	return c
}

// read answers pings and notes acknowledgements until the connection ends.
func (c *canary) read(in *bufio.Reader) {
	defer close(c.acks)
	dec := c.parser.NewDecoder(parser.Limits{Attachments: -1, AttachmentBytes: -1, Depth: -1, EventName: -1, Namespace: -1})
	for {
		h, err := ws.ReadHeader(in)
		if err != nil || h.OpCode == ws.OpClose {
			return
		}
		message := make([]byte, h.Length) // the server under test is not the attacker
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		binary := h.OpCode == ws.OpBinary
		switch {
		case !binary && string(message) == "2":
			c.write(ws.NewTextFrame([]byte("3")))
			continue
		case !binary && message[0] != '4':
			continue
		case !binary:
			message = message[1:]
		}
		p, err := dec.Add(message, binary)
		if err != nil {
			c.t.Errorf("the canary received %q: %v", shorten(string(message)), err)
			return
		}
		if p != nil && p.Type == parser.Ack {
			c.acks <- p.ID
		}
	}
}

// checkAnswered checks that the server answers the canary.
func (c *canary) checkAnswered(when string) {
	c.t.Helper()
	c.sent++
	c.send(&parser.Packet{Type: parser.Event, Data: []byte(`["q","tweet"]`), ID: c.sent, HasID: true})
	select {
	case id, ok := <-c.acks:
		if !ok || id != c.sent {
			c.t.Fatalf("%s: the canary has lost its connection, or received the answer %d instead of %d", when, id, c.sent)
		}
	case <-time.After(10 * time.Second):
		c.t.Fatalf("%s: the canary received no answer", when)
	}
}

func (c *canary) send(p *parser.Packet) {
	frames, err := c.parser.Encode(p)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range frames {
		if f.Binary {
			c.write(ws.NewBinaryFrame(f.Data))
		} else {
			c.write(ws.NewTextFrame(append([]byte("4"), f.Data...)))
		}
	}
}

func (c *canary) write(f ws.Frame) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	_, _ = c.conn.Write(ws.MustCompileFrame(ws.MaskFrame(f))) // checkAnswered fails if it does not arrive
}
