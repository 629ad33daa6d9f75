package pipe

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/transport"
)

// Name is the value of the query parameter transport.
const Name = "pipe"

// header names the connection that a request opens.
const header = "Pipe"

var errUnknown = errors.New("pipe: no such connection")

// Transport is the server's side. It also makes the connections of clients. It implements transport.Transport.
type Transport struct {
	// Buffer is the number of bytes that a connection holds in each direction. Zero means 64 KiB. It must not be changed
	// after the first Dial.
	Buffer int
	// Wrap wraps each connection that the server accepts. Nil means that connections are not wrapped. It must not be
	// changed after the first Dial.
	Wrap func(net.Conn) net.Conn

	mu      sync.Mutex // guards the fields below
	last    int
	waiting map[string]net.Conn // by the number of the connection
}

// New returns a transport without clients.
func New() *Transport { return &Transport{waiting: map[string]net.Conn{}} }

// Client is a client's end of a connection.
type Client struct {
	net.Conn
	in     *bufio.Reader
	number string
}

// Dial makes a connection. A request with Client.Header opens it.
func (t *Transport) Dial(ctx context.Context) (*Client, error) {
	l := memnet.Listen()
	defer l.Close()
	if t.Buffer > 0 {
		l.Buffer = t.Buffer
	}
	client, err := l.Dial(ctx)
	if err != nil {
		return nil, err
	}
	server, err := l.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	c := &Client{client, bufio.NewReader(client), strconv.Itoa(t.last)}
	t.waiting[c.number] = server
	return c, nil
}

// Header returns the header of the request that opens the connection, as name and value.
func (c *Client) Header() (name, value string) { return header, c.number }

// NameSession names the session that the client upgrades, as a first record in place of a query parameter. An empty sid
// opens a new session.
func (c *Client) NameSession(sid string) error {
	return c.Send(eio.Packet{Type: typeSession, Data: []byte(sid)})
}

// Send sends packets.
func (c *Client) Send(packets ...eio.Packet) error {
	_, err := c.Write(appendRecords(nil, packets))
	return err
}

// End sends an end record: the client sends nothing more.
func (c *Client) End() error { return c.Send(eio.Packet{Type: typeEnd}) }

// Receive waits for a packet. ended is true for the end record of the server.
func (c *Client) Receive() (p eio.Packet, ended bool, err error) {
	p, err = readRecord(c.in, math.MaxInt)
	return p, err == nil && p.Type == typeEnd, err
}

// Name implements transport.Transport.
func (*Transport) Name() string { return Name }

// Method implements transport.Transport.
func (*Transport) Method() string { return http.MethodGet }

// Opens implements transport.Transport.
func (*Transport) Opens(r *http.Request) bool { return r.Header.Get(header) != "" }

// Reachable implements transport.Transport.
func (*Transport) Reachable(http.ResponseWriter, *http.Request) bool { return true }

// Check implements transport.Transport.
func (t *Transport) Check(r *http.Request) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[r.Header.Get(header)] == nil {
		return errUnknown.Error()
	}
	return ""
}

// Accept implements transport.Transport. If the query parameter session has the value "late", Accept waits until the client
// names its session on the connection, as clients of WebTransport do.
func (t *Transport) Accept(w http.ResponseWriter, r *http.Request, o transport.Opening) (transport.Conn, string, error) {
	t.mu.Lock()
	conn := t.waiting[r.Header.Get(header)]
	delete(t.waiting, r.Header.Get(header))
	t.mu.Unlock()
	if conn == nil {
		return nil, "", errUnknown
	}
	if t.Wrap != nil {
		conn = t.Wrap(conn)
	}
	c := &Conn{conn: conn, in: bufio.NewReader(conn)}
	c.Limits = o.Limits
	c.out.Init(&c.Link, c, false)
	w.WriteHeader(http.StatusOK)
	if r.URL.Query().Get("session") != "late" {
		return c, "", nil
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return nil, "", err
	}
	first, err := c.readWithin(o.Limits.UpgradeTimeout)
	if err != nil || first.Type != typeSession {
		conn.Close()
		return nil, "", errors.Join(errUnknown, err)
	}
	return c, string(first.Data), nil
}
