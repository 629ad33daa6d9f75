package transport

// Control is what Parley's own packages may do with a session beside what applications may. A Handler that is Controlled
// is handed that of its session.
type Control interface {
	// Cork holds back what is sent until the matching Uncork, 16 KiB or a millisecond, whichever comes first, so that the
	// replies to a burst of messages leave in one write. It has no effect on polling, where what is sent between two polls
	// leaves together anyway.
	Cork()

	// Uncork ends a Cork. One without a Cork, as after an upgrade in between, has no effect, or ends another Cork early.
	Uncork()

	// HandOver makes another goroutine read on while the running call of MessageInline goes on for as long as it likes. It
	// may be called by any goroutine, but once at most for each call of MessageInline, and only during the call; the
	// message's bytes must not be used any more. Further messages are delivered while the call still runs: the handler has
	// to keep their order.
	HandOver()

	// Stalled tells the heartbeat that the server itself has stopped (true) and resumed (false) reading from the client, so
	// that the client is not blamed for a ping or pong that nobody has read. Calls come in pairs.
	Stalled(stalled bool)
}

// Controlled is a Handler that is handed the Control of its session.
type Controlled interface {
	// SetControl is called once, before the session's first message.
	SetControl(Control)
}

// InlineHandler is a Handler that may take its time over the messages of a connection on the goroutine that has read them.
// That saves the switch to another goroutine, which costs as much as a small message does otherwise.
type InlineHandler interface {
	// MessageInline is called in place of Message where the call may let go of the reading: see Control.HandOver.
	MessageInline(data []byte, binary bool)
}
