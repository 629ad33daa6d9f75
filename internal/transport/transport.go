package transport

import (
	"errors"
	"net/http"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/errs"
)

// Transport opens connections of one kind. Its methods may be called by any goroutine.
type Transport interface {
	// Name is the value of the query parameter transport, and the name in the list of upgrades.
	Name() string

	// Method is the HTTP method of the requests that open connections.
	Method() string

	// Opens reports whether a request has the form of those that open a connection of this kind. Other requests for the
	// transport are refused.
	Opens(r *http.Request) bool

	// Reachable reports whether clients whose handshake on polling came by this request can open a connection. A transport
	// that is not reachable is not offered to them as an upgrade.
	Reachable(w http.ResponseWriter, r *http.Request) bool

	// Check returns an error text for the client if a request cannot open a connection, or "".
	Check(r *http.Request) string

	// Accept takes the connection over from a request that has passed all checks. The headers of the answer are set in w.
	// The connection stays open after the request. When Accept returns an error, it has written nothing to the client, or an
	// answer that refuses the request.
	//
	// A client names the session that it upgrades in the query parameter sid. On transports where it names the session on
	// the connection itself, Accept reads the name and returns it as sid. Otherwise sid is "".
	Accept(w http.ResponseWriter, r *http.Request, o Opening) (c Conn, sid string, err error)
}

// Opening holds the parameters of a new connection.
type Opening struct {
	Revision eio.Revision
	Base64   bool // binary data is sent as text
	Limits   *Limits
}

// Conn is a connection that carries the packets of one session, or probes the session for an upgrade. The session's mutex
// is held in all calls unless a method says otherwise. A method returns ErrQueueFull and ErrUnprepared only where it names
// them. Any other error is a failed write, after which the connection cannot be used.
type Conn interface {
	// Tie returns the connection's Link. It needs no mutex.
	Tie() *Link

	// Name is the name of the Transport. It needs no mutex.
	Name() string

	// Greet answers the request that has opened the connection, and writes the first packets, in one write. It is called
	// once, directly after Bind.
	Greet(first ...eio.Packet) error

	// Run starts to read. It is called once, after Greet, without the mutex. The connection calls Session.Receive for each
	// packet, and Session.Ended and then Session.Gone at the end.
	Run()

	// Prepare makes a form of a group that takes long to make, such as the compressed one. It is called without the mutex,
	// if Link.Prepares is set.
	Prepare(g *Group)

	// Send writes packets for this session only. The caller may use their bytes again. It returns ErrQueueFull if the
	// packets do not fit the queue, and ErrUnprepared if they must be sent as a Group.
	Send(packets []eio.Packet) error

	// SendGroup writes packets that are shared with other sessions. It returns ErrQueueFull if they do not fit the queue.
	SendGroup(g *Group) error

	// Push is SendGroup without the limits of the queue, for packets of the session itself: pings, and the queue of polling
	// after an upgrade.
	Push(g *Group) error

	// Writable reports whether a packet that is sent now would not wait for others.
	Writable() bool

	// Queued returns the length of the send queue.
	Queued() (packets, bytes int)

	// Cork holds sent packets back until the matching Uncork. Each may be called without the other, because an upgrade may
	// come between the two.
	Cork()
	Uncork() error

	// HandOver makes another goroutine continue to read, so that the one in Session.Receive may block. It is called without
	// the mutex.
	HandOver()

	// Close ends the connection in order: it writes the queue and a close frame, and waits Limits.CloseTimeout for the
	// client to close its side. If unread is set, the client does not read, and Close drops the connection at once when
	// bytes are waiting for it. Further calls have no effect.
	Close(unread bool)

	// Drop closes the connection at once. It may be called with or without the mutex, and more than once.
	Drop()
}

// Session is the view of a session that its connection has.
type Session interface {
	// Receive handles a packet, or the error of a message that does not decode. It is called by the goroutine that reads,
	// without the mutex, and may block as long as a handler does. It reports whether the packet was a message for the
	// application.
	//
	// ErrEnded means that the session has closed the connection; Ended is not called then. ErrControls and other errors end
	// the connection like an error of reading.
	Receive(l *Link, p eio.Packet, wrong error) (message bool, err error)

	// Ended reports the cause for which reading has ended. The mutex is held.
	Ended(l *Link, cause Cause, err error)

	// WriteFailed reports a failed write that no method of Conn has returned. It is called without the mutex.
	WriteFailed(l *Link, err error)

	// Flushed reports that the send queue has been written. It is called without the mutex.
	Flushed(l *Link)

	// Shed counts groups that were dropped to make space for others. The mutex is held.
	Shed(groups int)

	// Guard recovers a panic and ends the session. Each goroutine and timer of a connection defers it.
	Guard()

	// Gone reports that the connection is closed and that no goroutine reads from it. It is called once.
	Gone()
}

// Cause is the cause for which reading has ended.
type Cause uint8

// The causes that a connection can observe.
const (
	Closed Cause = iota // the client closed the connection, or the connection was lost
	Failed              // reading failed, or the client broke a rule of the transport or exceeded a limit
	Unread              // the client requests answers and does not read them
)

var (
	// ErrQueueFull means that packets do not fit the send queue.
	ErrQueueFull = errs.ErrQueueFull

	// ErrUnprepared means that packets cannot be written from the caller's bytes.
	ErrUnprepared = errors.New("engineio: packets must be sent as a group")

	// ErrEnded means that the session has closed the connection.
	ErrEnded = errors.New("engineio: the session has closed the connection")

	// ErrControls means that a client has sent more than Limits.MaxControlPackets in one second.
	ErrControls = errors.New("engineio: too many control packets in one second")
)
