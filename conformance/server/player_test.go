package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"github.com/parleyio/parley/internal/memnet"
)

// grace is how long a client waits for bytes that the server may delay.
const grace = 5 * time.Millisecond

// playAll plays the conversations of a file of testdata. Each has its own server, in memory and with its own clock.
func playAll(t *testing.T, file string) {
	t.Helper()
	for _, c := range readConversations(t, file) {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, c) })
		})
	}
}

// player plays one conversation.
type player struct {
	t        *testing.T
	revision string
	path     string
	listener *memnet.Listener
	log      *appLog
	shutdown func()        // begins the shutdown
	down     chan struct{} // closed when the shutdown has ended
	names    names
	conns    []net.Conn
	clients  map[string]*client
	*client
}

// client is one of the clients of a conversation. Most conversations have only one.
type client struct {
	query   string // of the session, behind the "?"
	held    <-chan answer
	answer  answer // the latest one
	sockets []*wire
	*wire   // the current one
}

// play runs the steps against a new server, which must then shut down cleanly.
func play(t *testing.T, c conversation) {
	log := new(appLog)
	served, err := serve(c.server, log)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(served.path, served.handler)
	listener := memnet.Listen()
	server := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	first := &client{}
	p := &player{
		t: t, revision: c.revision, path: served.path, listener: listener, log: log, names: names{},
		clients: map[string]*client{"": first}, client: first,
	}
	p.down = make(chan struct{})
	p.shutdown = sync.OnceFunc(func() {
		go func() {
			defer close(p.down)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := served.shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		}()
	})
	defer func() {
		for _, conn := range p.conns {
			conn.Close()
		}
		p.shutdown()
		<-p.down
		server.Close()
		serving.Wait()
		time.Sleep(time.Second) // net/http keeps the connections of refused bodies for a moment
	}()
	for _, s := range c.steps {
		if err := p.step(s); err != nil {
			t.Fatalf("line %d, %s %s: %v", s.line, s.verb, shorten(s.text), err)
		}
	}
	for name, c := range p.clients {
		if err := p.silent(c); err != nil {
			t.Errorf("client %q at the end: %v", name, err)
		}
	}
}

// step performs a line.
func (p *player) step(s step) error {
	if want, ok := strings.CutPrefix(s.verb, "<"); ok {
		return p.expectFrame(strings.TrimSpace("<" + want + " " + s.text))
	}
	switch s.verb { // expectations
	case "=":
		return p.compare(p.answer, s.text)
	case ":":
		return p.compareHeader(s.text)
	case "held":
		return p.answered(s.text)
	case "quiet":
		return p.silent(p.client)
	case "down":
		p.settle()
		select {
		case <-p.down:
			return nil
		default:
			return errors.New("the shutdown has not ended")
		}
	case "logged":
		p.settle()
		if got := p.log.next(); got != s.text {
			return fmt.Errorf("the application logged %q", got)
		}
		return nil
	case "poll":
		p.do("GET", "{s}", nil, "")
		return p.compare(p.answer, strings.TrimSpace("200 "+s.text))
	}
	text, err := p.names.expand(strings.ReplaceAll(s.text, "{s}", p.sessionQuery()))
	if err != nil {
		return err
	}
	for i, header := range s.headers {
		if s.headers[i], err = p.names.expand(header); err != nil {
			return err
		}
	}
	switch s.verb {
	case "polling":
		return p.open(text)
	case "post":
		p.do("POST", "{s}", s.headers, text)
		return p.compare(p.answer, "200 ok")
	case "hold":
		conn, answers := request(p.listener, head("GET", p.path+"?"+p.query, s.headers, ""), "")
		p.keep(conn)
		p.held = answers
		synctest.Wait()
	case "gone":
		p.do("GET", "{s}", nil, "")
		return p.compare(p.answer, `400 {"code":1,"message":"Session ID unknown"}`)
	case "ws":
		return p.openSocket(text, s.headers)
	case "probe":
		return p.dial(strings.Replace(p.query, "transport=polling", "transport=websocket", 1), nil)
	case "upgrade":
		headers := s.headers
		if len(headers) == 0 || headers[0] != "only" {
			headers = append(headers, upgradeHeaders...)
		} else {
			headers = headers[1:]
		}
		s, a := dial(p.listener, p.target(text), headers)
		p.answer = a
		p.adopt(s)
	case "socket":
		p.wire = p.sockets[int(text[0]-'1')]
	case "client":
		if p.clients[text] == nil {
			p.clients[text] = &client{}
		}
		p.client = p.clients[text]
	case "wait":
		d, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		time.Sleep(d)
		synctest.Wait()
	case "shutdown":
		p.shutdown()
		p.settle()
	case "cut": // the current websocket, or the latest request if there is none
		if p.wire != nil {
			p.wire.conn.Close()
			return p.expectFrame("<end")
		} else {
			p.conns[len(p.conns)-1].Close()
		}
		synctest.Wait()
	case ">", ">x", ">raw", ">ping", ">close":
		return p.sendFrame(s.verb, text)
	default:
		if s.verb != strings.ToUpper(s.verb) {
			return fmt.Errorf("unknown verb")
		}
		query, body, _ := strings.Cut(text, " ")
		p.do(s.verb, query, s.headers, body)
	}
	return nil
}

// target returns the target of a request: an absolute path as it is, a query below the server's path.
func (p *player) target(query string) string {
	if query == "" || strings.HasPrefix(query, "?") {
		return p.path + query
	}
	return query
}

func (p *player) sessionQuery() string {
	if p.query == "" {
		return "{s}"
	}
	return "?" + p.query
}

// do makes a request and waits for the answer.
func (p *player) do(method, query string, headers []string, body string) {
	if query == "{s}" {
		query = "?" + p.query
	}
	if strings.HasPrefix(body, "0x") {
		raw, err := hex.DecodeString(body[2:])
		if err != nil {
			p.t.Fatal(err)
		}
		body = string(raw)
	}
	conn, answers := request(p.listener, head(method, p.target(query), headers, body), body)
	p.keep(conn)
	select {
	case p.answer = <-answers:
	case <-time.After(time.Hour):
		p.t.Fatalf("%s %s is not answered", method, query)
	}
	synctest.Wait()
}

var openPacket = regexp.MustCompile(`0\{"sid":"([A-Za-z0-9_-]{20})"`)

// open opens a session on polling.
func (p *player) open(more string) error {
	p.query = "EIO=" + p.revision + "&transport=polling" + more
	p.do("GET", "{s}", nil, "")
	return p.opened(p.answer.body)
}

func (p *player) opened(packet string) error {
	found := openPacket.FindStringSubmatch(packet)
	if found == nil {
		return fmt.Errorf("no open packet: %d %q", p.answer.status, packet)
	}
	p.names["sid"] = found[1]
	p.query += "&sid=" + found[1]
	return nil
}

// openSocket opens a session on a websocket.
func (p *player) openSocket(more string, headers []string) error {
	p.query = "EIO=" + p.revision + "&transport=websocket" + more
	if err := p.dial(p.query, headers); err != nil {
		return err
	}
	return p.opened(strings.TrimPrefix(p.next(), "< "))
}

// dial opens a websocket, which becomes the current one.
func (p *player) dial(query string, headers []string) error {
	s, a := dial(p.listener, p.path+"?"+query, append(headers, upgradeHeaders...))
	p.answer = a
	if s == nil {
		return fmt.Errorf("no websocket: %v", a)
	}
	p.adopt(s)
	return nil
}

func (p *player) adopt(s *wire) {
	if s != nil {
		p.wire = s
		p.sockets = append(p.sockets, s)
		p.keep(s.conn)
	}
}

func (p *player) keep(conn net.Conn) {
	if conn != nil {
		p.conns = append(p.conns, conn)
	}
}

// sendFrame sends a frame.
func (p *player) sendFrame(verb, text string) error {
	payload := []byte(text)
	if verb != ">" {
		var err error
		if payload, err = hex.DecodeString(text); err != nil {
			return err
		}
	}
	var err error
	switch verb {
	case ">":
		err = p.wire.send(ws.OpText, payload)
	case ">x":
		err = p.wire.send(ws.OpBinary, payload)
	case ">ping":
		err = p.wire.send(ws.OpPing, payload)
	case ">close":
		err = p.wire.send(ws.OpClose, payload)
	case ">raw":
		_, err = p.wire.conn.Write(payload)
	}
	synctest.Wait()
	return err
}

// settle waits until the server has nothing left to do at this moment.
func (p *player) settle() {
	synctest.Wait()
	time.Sleep(grace)
	synctest.Wait()
}

// next returns the next frame of the current websocket, or "" if none comes.
func (p *player) next() string {
	synctest.Wait()
	if got := p.wire.next(); got != "" {
		return got
	}
	p.settle()
	return p.wire.next()
}

// expectFrame checks the next frame.
func (p *player) expectFrame(want string) error {
	if p.wire == nil {
		return fmt.Errorf("there is no websocket")
	}
	got := p.next()
	if got == "" {
		return fmt.Errorf("nothing came")
	}
	if !p.names.match(got, want) {
		return fmt.Errorf("got %s", shorten(got))
	}
	if strings.HasPrefix(got, "<close") {
		_ = p.wire.send(ws.OpClose, nil) // the server waits for it, unless the frame was an answer
		return p.expectFrame("<end")
	}
	return nil
}

// silent checks that a client has received nothing that the conversation does not list.
func (p *player) silent(c *client) error {
	p.settle()
	for i, s := range c.sockets {
		if got := s.next(); got != "" {
			return fmt.Errorf("websocket %d got %s", i+1, shorten(got))
		}
	}
	select {
	case a := <-c.held:
		return fmt.Errorf("the held poll was answered %v", a)
	default:
		return nil
	}
}

// answered checks the answer of the held poll: its body, or a status and a body.
func (p *player) answered(want string) error {
	if !regexp.MustCompile(`^(400|500|0)( |$)`).MatchString(want) {
		want = "200 " + want
	}
	p.settle()
	select {
	case p.answer = <-p.held:
		p.held = nil
		return p.compare(p.answer, want)
	default:
		return fmt.Errorf("it is still held")
	}
}

func (p *player) compare(got answer, want string) error {
	if !p.names.match(got.String(), want) {
		return fmt.Errorf("the answer is %q", shorten(got.String()))
	}
	return nil
}

// compareHeader checks a header of the latest answer.
func (p *player) compareHeader(want string) error {
	name, value, _ := strings.Cut(want, ": ")
	if absent, ok := strings.CutPrefix(name, "-"); ok {
		if got, there := p.answer.header[http.CanonicalHeaderKey(absent)]; there {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	}
	if got := p.answer.header.Get(name); !p.names.match(got, value) {
		return fmt.Errorf("it is %q", got)
	}
	return nil
}

func shorten(text string) string {
	if len(text) > 300 {
		return text[:300] + "…"
	}
	return text
}

// appLog is what the server's application has logged, in order.
type appLog struct {
	mu     sync.Mutex
	events []string
}

func (l *appLog) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, fmt.Sprintf(format, args...))
}

func (l *appLog) next() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		return ""
	}
	event := l.events[0]
	l.events = l.events[1:]
	return event
}
