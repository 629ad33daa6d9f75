package socketio

import (
	"errors"
	"sync/atomic"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/parser"
)

// Stats is a snapshot of a server's counters, which only grow.
type Stats struct {
	// Engine has the counters of the sessions below. Packets that do not decode are in Closed[ParseError], those that
	// are out of place in Closed[ForcedClose].
	Engine engineio.Stats

	// Disconnects counts the sockets that were connected and have disconnected, by reason. Every reason is in it.
	Disconnects map[Reason]int64

	// UnknownAcks counts acknowledgements that nobody awaited, which are ignored.
	UnknownAcks int64
	// LatePackets counts packets for a namespace that the server had just taken the client out of, which are ignored.
	LatePackets int64
	// UnhandledEvents counts events for which there was no handler and no listener for all events.
	UnhandledEvents int64

	// TooManyConnectionsPerUser counts connects that were refused because of MaxConnectionsPerUser.
	TooManyConnectionsPerUser int64
	// TooManyNamespaces counts connects that were refused because of MaxNamespaces or MaxChildNamespaces.
	TooManyNamespaces int64
	// TooManyAttachments counts the connections that were closed because of MaxAttachments.
	TooManyAttachments int64
	// AttachmentsTooLarge counts the connections that were closed because of MaxAttachmentBytes.
	AttachmentsTooLarge int64
	// TooDeep counts the connections that were closed because of MaxDepth.
	TooDeep int64
	// LongEventNames counts the connections that were closed because of MaxEventName.
	LongEventNames int64
	// LongNamespaceNames counts the connections that were closed because of MaxNamespaceName.
	LongNamespaceNames int64
	// LongRoomNames counts calls that failed because of MaxRoomName.
	LongRoomNames int64
	// TooManyRooms counts calls of Join that failed because of MaxRooms.
	TooManyRooms int64
	// TooManyAcks counts calls of EmitWithAck that failed because of MaxAcks.
	TooManyAcks int64
	// AckTimeouts counts calls of EmitWithAck that ended without an answer because of their deadline.
	AckTimeouts int64
	// InboxStalls counts how often the reading of a connection stopped because an inbox was full.
	InboxStalls int64
	// InboxOverflows counts connections that were closed because a client that owed an acknowledgement sent more than
	// the inbox can take.
	InboxOverflows int64
	// LateAttachments counts connections that were closed because a packet's attachments did not come in time.
	LateAttachments int64
	// ConnectTimeouts counts connections that were closed because they joined no namespace in time.
	ConnectTimeouts int64

	// Recoveries counts the sockets whose session was restored.
	Recoveries int64
	// FailedRecoveries counts the clients that asked for a session in vain.
	FailedRecoveries int64

	// HandlerPanics counts panics of the application's functions.
	HandlerPanics int64
	// Panics counts faults of this package that ended a connection. It should be zero.
	Panics int64
}

// counters are what Stats is made of.
type counters struct {
	disconnects                                       [reasonCount]atomic.Int64 // in the order of reasons
	unknownAcks, latePackets, unhandledEvents         atomic.Int64
	tooManyNamespaces, tooManyRooms, tooManyAcks      atomic.Int64
	inboxOverflows, lateAttachments, connectTimeout   atomic.Int64
	recoveries, failedRecoveries                      atomic.Int64
	tooManyPerUser                                    atomic.Int64
	tooManyAttachments, attachmentsTooLarge, tooDeep  atomic.Int64
	longEventNames, longNamespaceNames, longRoomNames atomic.Int64
	ackTimeouts, inboxStalls                          atomic.Int64
	handlerPanics, panics                             atomic.Int64
}

// exceeded counts a packet that does not decode, if one of the parser's limits is the reason.
func (c *counters) exceeded(err error) {
	var limit *parser.LimitError
	if !errors.As(err, &limit) {
		return
	}
	switch limit.Limit {
	case "Attachments":
		c.tooManyAttachments.Add(1)
	case "AttachmentBytes":
		c.attachmentsTooLarge.Add(1)
	case "Depth":
		c.tooDeep.Add(1)
	case "EventName":
		c.longEventNames.Add(1)
	case "Namespace":
		c.longNamespaceNames.Add(1)
	}
}

// disconnected counts a socket.
func (c *counters) disconnected(why Reason) {
	for i, r := range reasons() {
		if r == why {
			c.disconnects[i].Add(1)
			return
		}
	}
}
