package socketio

import "context"

// Queued returns how much waits to be written to the client, over all its namespaces, in packets and in bytes.
// Options.SendQueuePackets and SendQueueBytes bound it. A program that sends much can stop before that, and go on in
// OnDrain.
func (s *Socket) Queued() (packets, bytes int) { return s.conn.session.Queued() }

// OnDrain adds a function that the server calls when the send queue of a client becomes empty. It is called for each socket
// of the connection, in the order of the socket's events. If the queue becomes empty several times within a short time, the
// function may be called once. OnDrain returns a function that removes it.
func (r *registry) OnDrain(f func(ctx context.Context, s *Socket)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDrain")
	}
	return r.onDrain.add(f)
}

// OnDrain adds a function for this socket; it runs behind those of the namespace. See Namespace.OnDrain.
func (s *Socket) OnDrain(f func(ctx context.Context, s *Socket)) (off func()) {
	if f == nil {
		panic("socketio: nil function for OnDrain")
	}
	return s.listeners().onDrain.add(f)
}

// Flushed implements engineio.FlushHandler.
func (c *connection) Flushed() {
	if c.server.drainListeners.Load() == 0 { // as nearly always, and it may be called after each write
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.state == connected && s.awaitsFlush() {
			s.flushed = true
			s.startLocked()
		}
	}
}

// awaitsFlush reports whether anybody wants to know.
func (s *Socket) awaitsFlush() bool {
	for _, r := range s.nsp.registries {
		if len(r.onDrain.all()) > 0 {
			return true
		}
	}
	own := s.own.Load()
	return own != nil && len(own.onDrain.all()) > 0
}

// callOnDrain calls the functions, on the socket's worker. A panic of one has been logged by protect.
func (s *Socket) callOnDrain() {
	tell := func(f func(context.Context, *Socket)) {
		_ = s.protect("drain", func() error { f(s.ctx, s); return nil })
	}
	for _, r := range s.nsp.registries {
		for _, f := range r.onDrain.all() {
			tell(*f)
		}
	}
	if own := s.own.Load(); own != nil {
		for _, f := range own.onDrain.all() {
			tell(*f)
		}
	}
}
