package engineio

import (
	"context"
	"math/rand/v2"
	"time"
)

// ShutdownHandler is an optional interface of a Handler that is notified before Shutdown closes its session.
type ShutdownHandler interface {
	// ShuttingDown is called by the goroutine of Shutdown before it closes the session. It may be called more than once,
	// and should not block.
	ShuttingDown()
}

// Shutdown refuses new sessions and closes the open ones with the reason ForcedClose. It waits until all calls of
// Handler.Close have returned and all connections are closed, or until ctx ends; then it closes the remaining connections
// and returns the error of ctx. Clients see a lost connection and reconnect by themselves. With Options.DrainWindow the
// sessions are closed one after another, in no particular order, and work until then. Shutdown does not close the
// http.Server.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.log.Close()
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

// closeSessions closes sessions, each at a random moment of its own share of DrainWindow, so that the clients do not
// reconnect all at the same time. When ctx ends, it closes the remaining sessions at once.
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

// shutDown notifies the session's ShutdownHandler and closes the session.
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
	s.close(nil, s.server.opts.CloseTimeout)
}
