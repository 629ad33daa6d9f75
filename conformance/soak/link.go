package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/parser"
)

// The ways in which a client connects.
const (
	polling   = "polling"
	websocket = "websocket"
	upgrade   = "upgrade" // polling, and then a websocket
)

// patience is how long a client waits for an answer: a machine may be busy.
const patience = 30 * time.Second

// link is the client's end of an Engine.IO session.
type link struct {
	addr   string
	http   *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	in     chan parser.Frame // the messages that come; closed when the session is over
	done   sync.WaitGroup    // the readers

	polled   chan struct{} // closed when polling has ended
	ended    bool          // the session was over then; set before polled is closed
	upgraded chan struct{} // closed when the upgrade begins: the pending poll is the last

	sending sync.Mutex // held while a message is sent, and while the transport changes

	// mu guards the fields below.
	mu    sync.Mutex
	query string
	conns []net.Conn
	ws    net.Conn // nil on polling
}

// open opens a session.
func open(ctx context.Context, addr, kind string) (*link, error) {
	l := &link{addr: addr, in: make(chan parser.Frame, 16), polled: make(chan struct{}), upgraded: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.http = &http.Client{Transport: &http.Transport{DialContext: l.dial}}
	var err error
	if kind == websocket {
		err = l.openWebSocket()
	} else if err = l.openPolling(); err == nil && kind == upgrade {
		err = l.upgrade()
	}
	if err != nil {
		l.close(true)
		return nil, err
	}
	return l, nil
}

func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, conn)
		l.mu.Unlock()
	}
	return conn, err
}

var sid = regexp.MustCompile(`^0\{"sid":"([^"]+)"`)

// opened handles the open packet.
func (l *link) opened(packet []byte) error {
	found := sid.FindSubmatch(packet)
	if found == nil {
		return fmt.Errorf("no open packet: %.100q", packet)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.query = "EIO=4&sid=" + string(found[1])
	return nil
}

func (l *link) openWebSocket() error {
	close(l.polled)
	conn, in, err := l.dialWebSocket("EIO=4")
	if err != nil {
		return err
	}
	op, packet, err := readSoon(conn, in)
	if err == nil && op != ws.OpText {
		err = errors.New("no open packet")
	}
	if err == nil {
		err = l.opened(packet)
	}
	if err != nil {
		return err
	}
	l.use(conn, in)
	return nil
}

// dialWebSocket opens a websocket. The reader may hold its first bytes already.
func (l *link) dialWebSocket(query string) (net.Conn, *bufio.Reader, error) {
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	dialer := ws.Dialer{NetDial: l.dial}
	conn, in, _, err := dialer.Dial(ctx, "ws://"+l.addr+"/socket.io/?"+query+"&transport=websocket")
	if err != nil {
		return nil, nil, err
	}
	if in == nil {
		in = bufio.NewReaderSize(conn, 512)
	}
	return conn, in, nil
}

// use makes a websocket the transport of the session.
func (l *link) use(conn net.Conn, in *bufio.Reader) {
	l.mu.Lock()
	l.ws = conn
	l.mu.Unlock()
	l.done.Go(func() {
		defer close(l.in)
		for {
			op, data, err := readFrame(conn, in)
			switch {
			case err != nil || op == ws.OpClose:
				conn.Close()
				return
			case op == ws.OpBinary:
				l.came(parser.Frame{Data: data, Binary: true})
			case op == ws.OpText && string(data) == "2":
				l.done.Go(func() { _ = l.sendPackets("3") }) // if that fails, the session ends
			case op == ws.OpText && len(data) > 0 && data[0] == '4':
				l.came(parser.Frame{Data: data[1:]})
			}
		}
	})
}

// came passes a message to the client, unless the link is closed.
func (l *link) came(m parser.Frame) {
	if l.ctx.Err() != nil {
		return
	}
	select {
	case l.in <- m:
	case <-l.ctx.Done():
	}
}

func (l *link) openPolling() error {
	body, err := l.request(http.MethodGet, "EIO=4", nil)
	if err == nil {
		err = l.opened(body)
	}
	if err != nil {
		return err
	}
	l.done.Go(l.poll)
	return nil
}

// poll polls until the session ends or a websocket replaces polling.
func (l *link) poll() {
	defer close(l.polled)
	over := func() bool {
		select {
		case <-l.upgraded:
			return true
		default:
			return false
		}
	}
	for !over() {
		body, err := l.request(http.MethodGet, l.queryNow(), nil)
		if err != nil {
			if !over() {
				l.ended = true
				close(l.in)
			}
			return
		}
		for packet := range bytes.SplitSeq(body, []byte{0x1e}) {
			switch {
			case len(packet) == 0:
			case packet[0] == '4':
				l.came(parser.Frame{Data: packet[1:]})
			case packet[0] == 'b':
				data, _ := base64.StdEncoding.DecodeString(string(packet[1:])) // the server under test sends valid base64
				l.came(parser.Frame{Data: data, Binary: true})
			case packet[0] == '2':
				l.done.Go(func() { _ = l.sendPackets("3") })
			case packet[0] == '1':
				l.ended = true
				close(l.in)
				return
			}
		}
	}
}

func (l *link) queryNow() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.query
}

// request makes a request and returns the body of the answer.
func (l *link) request(method, query string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(l.ctx, 2*patience) // a poll is held until the next ping
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.addr+"/socket.io/?"+query+"&transport=polling", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := l.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.100q", method, response.Status, answer)
	}
	return answer, err
}

// probe opens the websocket of an upgrade. The caller holds sending, so messages wait until the transport has changed.
func (l *link) probe() (net.Conn, *bufio.Reader, error) {
	conn, in, err := l.dialWebSocket(l.queryNow())
	if err != nil {
		return nil, nil, err
	}
	if err := writeFrame(conn, ws.OpText, []byte("2probe")); err != nil {
		return nil, nil, err
	}
	if _, answer, err := readSoon(conn, in); err != nil || string(answer) != "3probe" {
		return nil, nil, fmt.Errorf("the probe got %.100q: %w", answer, err)
	}
	return conn, in, nil
}

func (l *link) upgrade() error {
	l.sending.Lock()
	defer l.sending.Unlock()
	conn, in, err := l.probe()
	if err != nil {
		return err
	}
	close(l.upgraded)
	select {
	case <-l.polled:
	case <-time.After(patience):
		return errors.New("no answer to the pending poll")
	}
	if l.ended {
		conn.Close()
		return errors.New("the session ended during its upgrade")
	}
	if err := writeFrame(conn, ws.OpText, []byte("5")); err != nil {
		return err
	}
	l.use(conn, in)
	return nil
}

// send sends the messages of one packet.
func (l *link) send(frames []parser.Frame) error {
	packets := make([]string, len(frames))
	for i, f := range frames {
		if f.Binary {
			packets[i] = "b" + base64.StdEncoding.EncodeToString(f.Data)
		} else {
			packets[i] = "4" + string(f.Data)
		}
	}
	return l.sendPackets(packets...)
}

// sendPackets sends packets in the format of polling.
func (l *link) sendPackets(packets ...string) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	conn := l.ws
	l.mu.Unlock()
	if conn == nil {
		_, err := l.request(http.MethodPost, l.queryNow(), []byte(strings.Join(packets, "\x1e")))
		return err
	}
	for _, p := range packets {
		op, data := ws.OpText, []byte(p)
		if p[0] == 'b' {
			op = ws.OpBinary
			data, _ = base64.StdEncoding.DecodeString(p[1:]) // made by send
		}
		if err := writeFrame(conn, op, data); err != nil {
			return err
		}
	}
	return nil
}

// close closes the connections of the session, or resets them.
func (l *link) close(reset bool) {
	l.mu.Lock()
	conns := l.conns
	l.mu.Unlock()
	for _, conn := range conns {
		abandon(conn, reset)
	}
	l.cancel()
	l.done.Wait()
	l.http.CloseIdleConnections()
}

// abandon closes a connection.
func abandon(conn net.Conn, reset bool) {
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// readSoon reads a frame, which must arrive in time.
func readSoon(conn net.Conn, in *bufio.Reader) (op ws.OpCode, data []byte, err error) {
	if err = conn.SetReadDeadline(time.Now().Add(patience)); err == nil {
		op, data, err = readFrame(conn, in)
	}
	return op, data, errors.Join(err, conn.SetReadDeadline(time.Time{}))
}

func readFrame(conn net.Conn, in *bufio.Reader) (ws.OpCode, []byte, error) {
	h, err := ws.ReadHeader(in)
	if err != nil {
		return 0, nil, err
	}
	data := make([]byte, h.Length) // the server under test sends honest lengths
	_, err = io.ReadFull(in, data)
	return h.OpCode, data, err
}

func writeFrame(conn net.Conn, op ws.OpCode, data []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := conn.Write(ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, true, data))))
	return err
}
