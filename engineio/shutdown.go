package engineio

import (
	"context"
	"math/rand/v2"
	"time"
)

// ShutdownHandler is what a Handler may implement to learn that Shutdown is about to close its session.
type ShutdownHandler interface {
	// ShuttingDown is called before the session is closed, perhaps more than once, by the goroutine of Shutdown. It should
	// not block.
	ShuttingDown()
}

// Shutdown refuses new sessions from now on, closes the open ones with the reason ForcedClose and waits until their
// handlers have returned from Close and their connections are closed, or until ctx ends. Clients see a lost connection and come
// back by themselves. With Options.DrainWindow sessions are closed one by one, in no order, and live on until then. It
// does not close the http.Server.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	open := make([]*Session, 0, len(s.sessions))
	for _, session := range s.sessions {
		open = append(open, session)
	}
	s.mu.Unlock()
	s.closeSessions(ctx, open)
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, session := range open {
			session.kill()
		}
		return ctx.Err()
	}
}

// closeSessions closes sessions, each at a random moment of its own share of DrainWindow: clients that all came back at
// the same time would hit the next server like a storm. What is left when ctx ends is closed at once.
func (s *Server) closeSessions(ctx context.Context, open []*Session) {
	began := time.Now()
	share := s.opts.DrainWindow / time.Duration(max(len(open), 1))
	for i, session := range open {
		if share > 0 && !sleepUntil(ctx, began.Add(time.Duration(i)*share+rand.N(share))) {
			share = 0
		}
		session.shutDown()
	}
}

// sleepUntil reports whether the time has come before ctx has ended.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// shutDown closes the session, after its handler has learnt why.
func (s *Session) shutDown() {
	s.mu.Lock()
	var handler ShutdownHandler
	if s.accepted && s.state != closed {
		handler, _ = s.handler.(ShutdownHandler)
	}
	s.mu.Unlock()
	if handler != nil {
		func() {
			defer s.guard()
			handler.ShuttingDown()
		}()
	}
	s.close(s.server.opts.CloseTimeout)
}
