package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

func TestServer_Shutdown(t *testing.T) {
	bubble(t, "closes without a disconnect packet", func(t *testing.T) {
		n, told := serve(t, nil), newJournal()
		n.Of("/a")
		for _, name := range []string{"/", "/a"} {
			n.Of(name).OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		}
		c, idle := n.join(t, "/a", "/"), n.dial(t)
		if err := n.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		c.closed()
		idle.closed()
		told.expect(t, "server shutting down", "server shutting down")
		if err := n.Emit("x"); !errors.Is(err, socketio.ErrClosed) {
			t.Errorf("Emit afterwards: %v", err)
		}
		if err := n.Shutdown(t.Context()); err != nil {
			t.Errorf("a second time: %v", err)
		}
	})
	bubble(t, "waits for what has arrived", func(t *testing.T) {
		n, told := serve(t, nil), newJournal()
		n.On("e", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
			time.Sleep(time.Second)
			told.add("event, %v", context.Cause(ctx))
			return nil
		})
		event.Concurrent(n).On("beside", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
			time.Sleep(3500 * time.Millisecond)
			told.add("beside")
			return nil
		})
		n.OnDisconnect(func(ctx context.Context, _ *socketio.Socket, _ socketio.Reason) {
			time.Sleep(time.Second)
			told.add("disconnect, %v", ctx.Err())
		})
		c := n.join(t)
		c.send(`42["beside"]`, `42["e"]`, `42["e"]`)
		takenOver()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := n.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited != 4490*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		told.expect(t, "event, socketio: disconnected: server shutting down",
			"event, socketio: disconnected: server shutting down", "beside", "disconnect, <nil>")
	})
	bubble(t, "cancels OnDisconnect when its own context ends", func(t *testing.T) {
		n, told := serve(t, nil), newJournal()
		n.OnDisconnect(func(ctx context.Context, _ *socketio.Socket, _ socketio.Reason) {
			<-ctx.Done()
			told.add("%v", context.Cause(ctx))
		})
		n.join(t)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if err := n.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		told.expect(t, "socketio: server shut down")
	})
	bubble(t, "a base context that ends does not touch OnDisconnect", func(t *testing.T) {
		base, cancel := context.WithCancel(context.Background())
		n, told := serve(t, &socketio.Options{BaseContext: base}), newJournal()
		n.On("e", func(ctx context.Context, _ *socketio.Socket, _ *event.Message) error {
			<-ctx.Done()
			told.add("event")
			return nil
		})
		n.OnDisconnect(func(ctx context.Context, _ *socketio.Socket, _ socketio.Reason) { told.add("%v", ctx.Err()) })
		c := n.join(t)
		c.send(`42["e"]`)
		told.expect(t)
		cancel()
		told.expect(t, "event")
		c.conn.Close()
		told.expect(t, "<nil>")
	})
	bubble(t, "accepts nobody meanwhile", func(t *testing.T) {
		n := serve(t, nil)
		release := make(chan struct{})
		n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { <-release })
		n.join(t)
		done := make(chan error)
		go func() { done <- n.Shutdown(context.Background()) }()
		synctest.Wait()
		p := &poller{t: t, http: httpClient(t, n), url: "http://parley.test/socket.io/?EIO=4&transport=polling"}
		if got := p.get(); !strings.HasPrefix(got, "503 ") {
			t.Errorf("got %q", got)
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	bubble(t, "closes the adapters", func(t *testing.T) {
		fail := errors.New("broker is gone")
		log := newRecorder()
		var left []string
		log.leave = func(namespace string) { left = append(left, namespace) }
		log.close = func() error { return fail }
		io, err := socketio.New(&socketio.Options{Adapter: cluster.Config{Log: log}})
		if err != nil {
			t.Fatal(err)
		}
		io.Of("/a")
		if err := io.Shutdown(t.Context()); !errors.Is(err, fail) || strings.Count(err.Error(), fail.Error()) != 1 || len(left) != 2 {
			t.Errorf("got %v, and left %q", err, left)
		}
	})
}
