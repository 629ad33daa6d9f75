package transport

// Control has the methods of a session that are reserved for Parley's own packages. A Handler that implements Controlled
// receives the Control of its session.
type Control interface {
	// Cork holds sent messages back, so that the replies to a burst of messages are sent in one write. They are written at
	// the matching Uncork, when they reach 16 KiB, or after a millisecond, whichever is first. Cork has no effect on polling,
	// where all messages between two polls are sent together.
	Cork()

	// Uncork ends a Cork. Without a matching Cork, for example after an upgrade, it has no effect or ends another Cork
	// early.
	Uncork()

	// HandOver makes another goroutine continue to read, so that the running call of MessageInline may block. Any goroutine
	// may call it, at most once for each call of MessageInline, and only during that call. The bytes of the message must
	// not be used after HandOver. Further messages are delivered while the call is still running: the handler must keep
	// their order.
	HandOver()

	// Stalled reports that the server has stopped (true) or resumed (false) reading from the client. Meanwhile the heartbeat
	// does not close the session, because pings and pongs of the client may be waiting unread. Calls come in pairs.
	Stalled(stalled bool)

	// CloseFor closes the session like engineio.Session.Close, and passes an error to Handler.Close.
	CloseFor(err error)
}

// Controlled is a Handler that receives the Control of its session, and logs the end of the session itself.
type Controlled interface {
	// SetControl is called once, before the session's first message.
	SetControl(Control)
}

// InlineHandler is a Handler that handles messages on the goroutine that has read them, and may block there. This saves the
// switch to another goroutine, which costs as much as all other work for a small message.
type InlineHandler interface {
	// MessageInline is called in place of Message when the call may hand the reading over: see Control.HandOver.
	MessageInline(data []byte, binary bool)
}
