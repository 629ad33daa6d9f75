package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gobwas/ws"
	"github.com/parleyio/parley/internal/memnet"
)

// answer is an HTTP response. If it did not arrive completely, its status is 0 and its body is the error.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.body)) }

// request sends a request on a new connection and begins to read the answer.
func request(l *memnet.Listener, head, body string) (net.Conn, <-chan answer) {
	answers := make(chan answer, 1)
	conn, err := l.Dial(context.Background())
	if err != nil {
		answers <- answer{body: err.Error()}
		return nil, answers
	}
	go func() { _, _ = io.WriteString(conn, head+body) }() // a server that refuses a body does not read it
	go func() {
		in := bufio.NewReader(conn)
		method, _, _ := strings.Cut(head, " ")
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			answers <- answer{body: err.Error()}
			return
		}
		got, err := io.ReadAll(response.Body)
		if err != nil {
			answers <- answer{body: err.Error()}
			return
		}
		answers <- answer{response.StatusCode, response.Header, string(got)}
	}()
	return conn, answers
}

// head returns the head of a request.
func head(method, target string, headers []string, body string) string {
	lines := []string{method + " " + target + " HTTP/1.1"}
	var sized, host bool
	for _, h := range headers {
		name, _, _ := strings.Cut(strings.ToLower(h), ":")
		sized = sized || name == "content-length" || name == "transfer-encoding"
		host = host || name == "host"
	}
	if !host {
		lines = append(lines, "Host: parley.test")
	}
	if !sized && (body != "" || method == "POST") {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return strings.Join(append(append(lines, headers...), "", ""), "\r\n")
}

// upgradeHeaders request a websocket.
var upgradeHeaders = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// wire is a client's websocket. It records each received frame in the notation of the files in ../testdata.
type wire struct {
	conn net.Conn

	// mu guards the fields below.
	mu   sync.Mutex
	came []string
}

// dial opens a websocket and returns the answer to the handshake. The websocket is nil unless the status is 101.
func dial(l *memnet.Listener, target string, headers []string) (*wire, answer) {
	conn, err := l.Dial(context.Background())
	if err != nil {
		return nil, answer{body: err.Error()}
	}
	if _, err := io.WriteString(conn, head("GET", target, headers, "")); err != nil {
		return nil, answer{body: err.Error()}
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, answer{body: err.Error()}
	}
	a := answer{status: response.StatusCode, header: response.Header}
	if a.status != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(response.Body)
		conn.Close()
		a.body = string(body)
		return nil, a
	}
	w := &wire{conn: conn}
	go w.read(in)
	return w, a
}

// read records frames until the connection ends.
func (w *wire) read(in *bufio.Reader) {
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			w.note("<end")
			return
		}
		data := make([]byte, h.Length) // the server under test is not the attacker
		if _, err := io.ReadFull(in, data); err != nil {
			w.note("<end")
			return
		}
		if h.Rsv != 0 || !h.Fin || h.Masked {
			w.note(fmt.Sprintf("<frame %+v", h))
			continue
		}
		payload := hex.EncodeToString(data)
		switch h.OpCode {
		case ws.OpText:
			w.note("< " + string(data))
		case ws.OpBinary:
			w.note(strings.TrimSpace("<x " + payload))
		case ws.OpPong:
			w.note(strings.TrimSpace("<pong " + payload))
		case ws.OpClose:
			w.note(strings.TrimSpace("<close " + payload))
		default:
			w.note(fmt.Sprintf("<frame %+v", h))
		}
	}
}

func (w *wire) note(frame string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.came = append(w.came, frame)
}

// next removes and returns the first recorded frame, or "".
func (w *wire) next() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.came) == 0 {
		return ""
	}
	frame := w.came[0]
	w.came = w.came[1:]
	return frame
}

// send sends a masked frame in one write. With two writes the server could close the connection before the second.
func (w *wire) send(op ws.OpCode, payload []byte) error {
	frame, err := ws.CompileFrame(ws.MaskFrameInPlaceWith(ws.NewFrame(op, true, payload), [4]byte{1, 2, 3, 4}))
	if err != nil {
		return err
	}
	_, err = w.conn.Write(frame)
	return err
}
