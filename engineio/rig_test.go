package engineio_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/pipe"
	"github.com/parleyio/parley/internal/transport"
)

// network is one kind of connection between a server and its clients.
type network struct {
	name     string
	listener net.Listener
	dial     func() (net.Conn, error)
	patience time.Duration   // how long a test waits for what must come; a fake clock makes waiting free
	pipe     *pipe.Transport // takes the place of websockets; nil: it does not
}

// transport is the name of what sessions are upgraded to.
func (n *network) transport() string {
	if n.pipe != nil {
		return pipe.Name
	}
	return string(engineio.WebSocket)
}

// buffer bounds what a connection in memory holds in each direction.
func (n *network) buffer(size int) {
	n.listener.(*memnet.Listener).Buffer = size
	if n.pipe != nil {
		n.pipe.Buffer = size
	}
}

func tcp(t testing.TB) *network {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	return &network{name: "tcp", listener: l, dial: dial, patience: 10 * time.Second}
}

func memory(testing.TB) *network {
	l := memnet.Listen()
	dial := func() (net.Conn, error) { return l.Dial(context.Background()) }
	return &network{name: "memory", listener: l, dial: dial, patience: time.Hour}
}

// piped is a network in memory with another transport in place of websockets.
func piped(t testing.TB) *network {
	n := memory(t)
	n.name, n.pipe = pipe.Name, pipe.New()
	return n
}

func overTLS(t testing.TB) *network {
	n := tcp(t)
	n.name = "tls"
	n.listener = tls.NewListener(n.listener, &tls.Config{Certificates: []tls.Certificate{certificate()}})
	plain := n.dial
	n.dial = func() (net.Conn, error) {
		c, err := plain()
		if err != nil {
			return nil, err
		}
		secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		return secure, secure.Handshake()
	}
	return n
}

var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// eachNetwork runs a test over TCP, over TLS and, with a fake clock, in memory: there with each transport. Only TCP has
// direct writes and reads without a buffer.
func eachNetwork(t *testing.T, test func(t *testing.T, n *network)) {
	eachFramed(t, test)
	t.Run("pipe", func(t *testing.T) { inBubble(t, piped, test) })
}

// eachFramed is eachNetwork for what is about websockets alone.
func eachFramed(t *testing.T, test func(t *testing.T, n *network)) {
	t.Run("tcp", func(t *testing.T) { test(t, tcp(t)) })
	t.Run("tls", func(t *testing.T) { test(t, overTLS(t)) })
	t.Run("memory", func(t *testing.T) { inFrames(t, test) })
}

// inMemory runs a test whose time is its own, with each transport.
func inMemory(t *testing.T, test func(t *testing.T, n *network)) {
	t.Run("websocket", func(t *testing.T) { inFrames(t, test) })
	t.Run("pipe", func(t *testing.T) { inBubble(t, piped, test) })
}

// inFrames is inMemory for what is about websockets alone, or about neither transport.
func inFrames(t *testing.T, test func(t *testing.T, n *network)) { inBubble(t, memory, test) }

func inBubble(t *testing.T, n func(testing.TB) *network, test func(t *testing.T, n *network)) {
	synctest.Test(t, func(t *testing.T) { test(t, n(t)) })
}

// rig is a running server.
type rig struct {
	t      testing.TB
	net    *network
	engine *engineio.Server
	http   *http.Client
	peers  chan *peer // the sessions that were accepted
}

// setup changes what start makes.
type setup struct {
	options engineio.Options
	server  *http.Server
	accept  func(*peer)                       // runs before the session receives anything
	message func(*peer, message)              // instead of keeping it in peer.messages
	wrap    func(http.Handler) http.Handler   // around the engine
	listen  func(l net.Listener) net.Listener // around the listener
	handler func(*peer) engineio.Handler      // instead of peer
	tune    func(*http.Transport)             // of the client
	panics  int64                             // that the test provokes
}

// anyPanics says that it does not matter how many.
const anyPanics = -1

// start runs a server until the test ends. It must then shut down in time and without a fault of its own.
func start(t testing.TB, n *network, s setup) *rig {
	t.Helper()
	r := &rig{t: t, net: n, peers: make(chan *peer, 10_000)}
	if s.options.Logger == nil {
		s.options.Logger = slog.New(slog.DiscardHandler)
	}
	if n.pipe != nil {
		s.options.Transports = []engineio.Transport{engineio.Polling}
		s.options.MoreTransports = []transport.Transport{n.pipe}
	}
	var opened sync.Map // of *engineio.Session
	engine, err := engineio.New(func(session *engineio.Session) engineio.Handler {
		opened.Store(session, nil)
		p := &peer{
			Session: session, t: t, patience: n.patience, message: s.message,
			messages: make(chan message, 10_000), closed: make(chan ended, 2),
		}
		if s.accept != nil {
			s.accept(p)
		}
		p.ready = func() { r.peers <- p }
		var handler engineio.Handler = p
		if s.handler != nil {
			handler = s.handler(p)
		}
		if _, controlled := handler.(transport.Controlled); !controlled {
			p.ready()
		}
		return handler
	}, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	r.engine = engine
	var handler http.Handler = engine
	if s.wrap != nil {
		handler = s.wrap(handler)
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", handler)
	if s.server == nil {
		s.server = &http.Server{}
	}
	s.server.Handler = mux
	s.server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	listener := n.listener
	if s.listen != nil {
		listener = s.listen(listener)
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.server.Serve(listener) })

	transport := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return n.dial() },
		DisableCompression: true,
	}
	if s.tune != nil {
		s.tune(transport)
	}
	r.http = &http.Client{Transport: transport, Timeout: n.patience}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*n.patience)
		defer cancel()
		for session := range opened.Range {
			if session := session.(*engineio.Session); session.Transport() == engineio.Polling {
				session.Abort(engineio.ForcedClose, nil) // Shutdown would wait for a poll that no test sends
			}
		}
		if err := engine.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		transport.CloseIdleConnections()
		if err := s.server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown of the HTTP server: %v", err)
		}
		serving.Wait()
		if stats := engine.Stats(); stats.Panics != s.panics && s.panics != anyPanics || stats.Sessions != 0 {
			t.Errorf("%d panics, %d sessions left", stats.Panics, stats.Sessions)
		}
	})
	return r
}

// peer waits for the next session that was accepted.
func (r *rig) peer() *peer {
	r.t.Helper()
	return receive(r.t, r.net.patience, "a session", r.peers)
}

// message is one that a handler received.
type message struct {
	data   string
	binary bool
}

// ended is what a handler was told at the end.
type ended struct {
	reason engineio.Reason
	err    error
}

// peer is the server's side of a session: its handler, which keeps what happens.
type peer struct {
	*engineio.Session
	t        testing.TB
	patience time.Duration
	message  func(*peer, message)
	messages chan message
	closed   chan ended

	transport.Control // of the session

	ready func() // hands the peer to the test
}

// SetControl implements transport.Controlled.
func (p *peer) SetControl(c transport.Control) {
	p.Control = c
	p.ready()
}

// Message implements engineio.Handler.
func (p *peer) Message(data []byte, binary bool) {
	m := message{string(data), binary}
	if p.message != nil {
		p.message(p, m)
		return
	}
	p.messages <- m
}

// Close implements engineio.Handler.
func (p *peer) Close(reason engineio.Reason, err error) { p.closed <- ended{reason, err} }

// send sends text messages, each alone.
func (p *peer) send(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if err := p.Send(engineio.Message{Data: []byte(text)}); err != nil {
			p.t.Errorf("Send: %v", err)
		}
	}
}

// wants checks the next messages that the server received.
func (p *peer) wants(want ...string) {
	p.t.Helper()
	for _, text := range want {
		if got := receive(p.t, p.patience, "a message", p.messages); got != (message{text, false}) {
			p.t.Fatalf("received %+v, want %q", got, text)
		}
	}
}

// ends waits for the end and checks its reason.
func (p *peer) ends(want engineio.Reason) error {
	p.t.Helper()
	got := receive(p.t, p.patience, "the end of the session", p.closed)
	if got.reason != want {
		p.t.Fatalf("ended by %q (%v), want %q", got.reason, got.err, want)
	}
	if err := p.Send(engineio.Message{Data: []byte("late")}); err != engineio.ErrClosed {
		p.t.Errorf("Send after the end = %v", err)
	}
	return got.err
}

// eventually waits for a state that nothing announces.
func eventually(t testing.TB, patience time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func receive[T any](t testing.TB, patience time.Duration, what string, from <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case v := <-from:
		return v
	case <-timeout.C:
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}
