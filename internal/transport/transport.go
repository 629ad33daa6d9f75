package transport

import (
	"errors"
	"net/http"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/errs"
)

// Transport opens connections of one kind. Its methods may be called by any goroutine.
type Transport interface {
	// Name is what clients ask for in the query parameter transport, and what they are offered as an upgrade.
	Name() string

	// Method is that of the HTTP requests that open connections.
	Method() string

	// Opens reports whether a request is, by its form, one that opens a connection of this kind. Others that ask for the
	// transport are refused.
	Opens(r *http.Request) bool

	// Check returns what is wrong with a request that opens a connection, in words for the client, or "".
	Check(r *http.Request) string

	// Accept takes the connection out of a request that has passed all checks. Headers of the answer are set in w. The
	// connection outlives the request. Nothing has been written to the client when there is an error, or only the answer
	// that says so.
	//
	// A client names the session that it goes on with in the query parameter sid. Where it does so by the connection
	// itself, Accept reads that and returns it; otherwise sid is "".
	Accept(w http.ResponseWriter, r *http.Request, o Opening) (c Conn, sid string, err error)
}

// Opening is what the query of a request and the server's options say of a connection.
type Opening struct {
	Revision eio.Revision
	Base64   bool // binary data is to be sent as text
	Limits   *Limits
}

// Conn is a connection that carries the packets of one session, or asks to by an upgrade. Its session's mutex is held in
// all calls but those that say otherwise. Errors are ErrQueueFull and ErrUnprepared, where a method names them; another
// one is a failed write, behind which the connection is of no use.
type Conn interface {
	// Tie returns the connection's Link. It needs no mutex.
	Tie() *Link

	// Name is that of the Transport. It needs no mutex.
	Name() string

	// Greet answers the request that has opened the connection, and writes what comes first, as one piece. It is the first
	// call behind Bind, and made once.
	Greet(first ...eio.Packet) error

	// Run begins to read. It is called once, behind Greet, without the mutex. What is read goes to Session.Receive, and
	// the end of it to Session.Ended and then Session.Gone.
	Run()

	// Prepare makes what takes long to make of a group, such as its compressed form. It is called without the mutex, if
	// Link.Prepares.
	Prepare(g *Group)

	// Send writes packets for this session alone. The caller may use their bytes again. ErrQueueFull says that they do not
	// fit, ErrUnprepared that they have to be sent as a Group.
	Send(packets []eio.Packet) error

	// SendGroup writes packets that other sessions may be sent too. ErrQueueFull says that they do not fit.
	SendGroup(g *Group) error

	// Push is SendGroup without bounds, for what the session answers for: pings, and what polling has left.
	Push(g *Group) error

	// Writable reports whether a packet that is sent now would not wait behind others.
	Writable() bool

	// Queued returns how much waits to be written.
	Queued() (packets, bytes int)

	// Cork holds back what is sent until the matching Uncork. Neither needs the other: there may have been no connection.
	Cork()
	Uncork() error

	// HandOver makes another goroutine read on, while the one that is in Session.Receive goes on for as long as it likes. It
	// is called without the mutex.
	HandOver()

	// Close ends the connection in order: what is queued is written, the client is told and has Limits.CloseTimeout to
	// close its side. A client that does not read is told nothing when anything waits for it. Further calls do nothing.
	Close(unread bool)

	// Drop closes the connection at once. It may be called with or without the mutex, and again.
	Drop()
}

// Session is the session that a connection carries, as the connection knows it.
type Session interface {
	// Receive handles a packet, or the error of a message that is no packet. It is called by the goroutine that reads,
	// without the mutex, and may take as long as a handler does. It reports whether the packet was a message for the
	// application.
	//
	// ErrEnded says that the session has closed the connection, and wants to know nothing more of it. ErrControls and
	// other errors end the connection as an error of reading does.
	Receive(l *Link, p eio.Packet, wrong error) (message bool, err error)

	// Ended says why there is nothing more to receive. The mutex is held.
	Ended(l *Link, cause Cause, err error)

	// WriteFailed says that a write has failed that no method of Conn has made. It is called without the mutex.
	WriteFailed(l *Link, err error)

	// Flushed says that what had to wait has been written. It is called without the mutex.
	Flushed(l *Link)

	// Shed counts groups that were dropped because others did not fit. The mutex is held.
	Shed(groups int)

	// Guard keeps a fault from ending the process. Each goroutine and timer of a connection defers it.
	Guard()

	// Gone says that the connection is closed and that nothing reads from it any more. It is called once.
	Gone()
}

// Cause is why reading has ended.
type Cause uint8

// The causes that a connection can see.
const (
	Closed Cause = iota // the client has closed the connection, or it was lost
	Failed              // reading failed, or the client broke a rule of the transport or a limit
	Unread              // the client asks for answers and does not read them
)

var (
	// ErrQueueFull says that packets do not fit the send queue.
	ErrQueueFull = errs.ErrQueueFull

	// ErrUnprepared says that packets cannot be written from the caller's bytes.
	ErrUnprepared = errors.New("engineio: to be sent as a group")

	// ErrEnded says that the session has closed the connection.
	ErrEnded = errors.New("engineio: the session has closed the connection")

	// ErrControls says that a client has sent more than Limits.MaxControlPackets.
	ErrControls = errors.New("engineio: too many control packets in a second")
)
