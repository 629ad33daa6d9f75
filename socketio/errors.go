package socketio

import (
	"errors"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/errs"
	"github.com/parleyio/parley/parser"
)

// The errors that a program may want to tell apart, with errors.Is. Others are those of encoding an argument, of a context,
// or of a broker.
var (
	// ErrClosed is returned when a socket is not, or no longer, connected, and when its namespace or the server is closed.
	// Nothing was sent and nothing will be: stop sending. A client that comes back is another Socket.
	ErrClosed = errs.ErrClosed

	// ErrQueueFull is returned by Socket.Emit when the client does not read fast enough: it is being disconnected, so stop
	// sending, and next time hold back earlier (Socket.Queued, OnDrain) or name events that may be dropped (Options.SlowConsumer).
	// By Broadcast.Emit it is returned when a broker takes no more packets for now: the event was sent to nobody, and
	// may be tried again later.
	ErrQueueFull = errs.ErrQueueFull

	// ErrTooManyRooms is returned by Join beyond Options.MaxRooms. The socket has joined none of the rooms: leave others
	// first, or raise the limit.
	ErrTooManyRooms = errors.New("socketio: too many rooms")

	// ErrRoomName is returned by Join and SocketsJoin for an empty room name and for one longer than Options.MaxRoomName.
	// No room was joined: a name that comes from a client should be refused before.
	ErrRoomName = errors.New("socketio: invalid room name")

	// ErrTooManyAcks is returned by EmitWithAck when the connection already owes Options.MaxAcks acknowledgements. The event
	// was not sent: wait for earlier answers, or give them shorter deadlines.
	ErrTooManyAcks = errors.New("socketio: too many outstanding acknowledgements")

	// ErrDropped is returned by EmitWithAck of a volatile event that the connection could not take at once. Nobody will
	// answer: send the next one when there is news, or one that is not volatile.
	ErrDropped = engineio.ErrDropped

	// ErrReservedEvent is returned by every Emit for a name that the protocol uses itself, such as "disconnect". Nothing was
	// sent: choose another name.
	ErrReservedEvent = parser.ErrReservedEvent

	// ErrForgedPlaceholder is returned by every Emit for arguments that hold binary data and an object with the key
	// _placeholder, which receivers would take for an attachment. Nothing was sent: rename the key, or refuse the input that
	// it came from.
	ErrForgedPlaceholder = parser.ErrForgedPlaceholder

	// ErrExceedsLimit is returned by every Emit for an event that receivers refuse: too many attachments, JSON that is too
	// deep, a name that is too long. The error's text names the limit. Nothing was sent: send less at a time.
	ErrExceedsLimit = parser.ErrExceedsLimit

	// ErrUnknownSession is what Recovery.OnFailed receives for a client whose session is not, or no longer, kept. The client
	// gets a new session; there is nothing to do but to send it the present state. Many of them mean that
	// Recovery.MaxDisconnection is short or Recovery.MaxSessions low.
	ErrUnknownSession = cluster.ErrUnknownSession

	// ErrUnknownOffset is what Recovery.OnFailed receives when the server cannot tell which events the client missed: the
	// packets are no longer kept, or the server never sent that offset. The client gets a new session and needs the present
	// state. Many of them mean that Recovery.MaxPackets or Recovery.MaxBytes is low.
	ErrUnknownOffset = cluster.ErrUnknownOffset
)

// IncompleteError is returned by calls that ask many sockets or nodes (EmitWithAcks, FetchSockets, ServerSideEmitWithAck)
// when some have not answered in time. What has come is returned with it and can be used; ask those that are missing again,
// or go on without them. Find it with errors.As.
//
//	Nodes          []string // the names of the nodes that did not answer, sorted
//	UnnamedNodes   int      // the number of further nodes, whose names are not known
//	Sockets        []string // the ids of the sockets that did not answer, sorted; not those on the nodes above
//	UnnamedSockets int      // the number of further sockets, on nodes that report numbers only
//	Err            error    // the error of the context; nil when all that are missing have disconnected
//
// It unwraps to Err.
type IncompleteError = errs.IncompleteError
