package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// How long a drain waits for requests that are on their way, and for clients to notice that it is over, where
// Settings.ShutdownTimeout leaves that time.
const (
	receiveTime  = time.Second
	closeTimeout = 2 * time.Second
)

// LateError names something that was cut because the time of a shutdown was over.
type LateError struct {
	What string // a clause: "the database was still being written to"
}

// Error says what was cut and why.
func (e *LateError) Error() string { return e.What + " at the end of the shutdown's time" }

// Run serves Settings.Listen until ctx ends, and then closes the App. It returns nil when all went well; what had to be
// cut is in the error, as [*LateError]. It is called once.
func (a *App) Run(ctx context.Context) error {
	if a.listener == nil {
		return errors.New("app: Settings.Listen is empty")
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(a.listener) }()
	select {
	case err := <-served:
		a.closing.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), a.settings.ShutdownTimeout)
			defer cancel()
			a.closed = a.release(ctx)
		})
		return errors.Join(err, a.closed)
	case <-ctx.Done():
	}
	a.log.Info("draining", "timeout", a.settings.ShutdownTimeout)
	err := a.Close(context.Background())
	<-served
	if err == nil {
		a.log.Info("drained")
	}
	return err
}

// Serve answers requests on a listener until the App is closed, and then returns nil. It closes the listener.
func (a *App) Serve(l net.Listener) error {
	if err := a.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving http: %w", err)
	}
	return nil
}

// Close ends what the App does, in the order in which one part needs another: clients are closed, over
// Settings.DrainWindow, so that they reconnect elsewhere; what they have sent is handled; HTTP requests end; and the
// database is flushed and closed. All of it has the time of Settings.ShutdownTimeout, or less if ctx ends before. What has
// to be cut then is named in the error, by one [*LateError] each. Calls after the first return its result.
func (a *App) Close(ctx context.Context) error {
	a.closing.Do(func() { a.closed = a.drain(ctx) })
	return a.closed
}

func (a *App) drain(ctx context.Context) error {
	timeout := a.settings.ShutdownTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(0, min(timeout, time.Until(deadline)))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	clients, cancel := context.WithTimeout(ctx, timeout-timeout/10) // the rest is for the database
	defer cancel()

	a.draining.Store(true)
	a.connections.expect(time.Now().Add(a.settings.DrainWindow + min(receiveTime, timeout/4)))
	err := late("Socket.IO events were still being handled", a.io.Shutdown(clients))
	a.connections.closeSilent() // the listener was open until now: a polling client learns of the end by its next poll
	err = errors.Join(err, late("HTTP requests were still being answered", a.http.Shutdown(clients)))
	return errors.Join(err, a.release(ctx))
}

// late says what had to be cut if err says that its time was over.
func late(what string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &LateError{What: what}
	}
	return err
}

// release closes what New has opened. It waits for nothing but the database, and for that until ctx ends.
func (a *App) release(ctx context.Context) error {
	var errs []error
	a.purges.stop()
	if a.listener != nil {
		_ = a.listener.Close() // http.Server knows it only while it serves, and has then closed it already
	}
	if a.http != nil {
		errs = append(errs, a.http.Close())
	}
	if a.io != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = a.io.Shutdown(now) // the error is that it did not wait
	}
	if a.realtime != nil {
		a.realtime.Close()
	}
	if a.service != nil {
		a.service.Close()
	}
	if a.store != nil {
		errs = append(errs, late("the database was still being written to", a.store.Shutdown(ctx)))
	}
	return errors.Join(errs...)
}
