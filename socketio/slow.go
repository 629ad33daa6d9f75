package socketio

// SlowConsumerPolicy says what happens when a client does not read fast enough, so that its send queue is full. Volatile
// events never wait in it: they are dropped first. Then those go that DropOldest names. When that is not enough, or it
// names none, the client is disconnected with the reason SlowConsumer, and Emit returns ErrQueueFull. One slow client
// never delays others.
type SlowConsumerPolicy struct {
	// DropOldest names events of which the latest matter most, such as positions and prices. When the queue is full, those
	// that have waited longest are dropped to make space for whatever comes, which is no error; what is left arrives in
	// order. An event that asks for an acknowledgement is never dropped. Recovery resends a dropped event only if the
	// client received no later event. Empty means none.
	DropOldest []string
}

// slowConsumer is a SlowConsumerPolicy in the form that events are checked against. Immutable.
type slowConsumer struct{ dropOldest map[string]struct{} }

func newSlowConsumer(policy SlowConsumerPolicy) *slowConsumer {
	p := &slowConsumer{dropOldest: make(map[string]struct{}, len(policy.DropOldest))}
	for _, name := range policy.DropOldest {
		p.dropOldest[name] = struct{}{}
	}
	return p
}
