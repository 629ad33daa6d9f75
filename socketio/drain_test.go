package socketio_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// promises is what a server has handled and what its clients were promised. A client's name and a number make an entry.
type promises struct {
	mu       sync.Mutex // guards the fields below
	handled  map[string][]int
	promised map[string][]int
}

func newPromises() *promises {
	return &promises{handled: map[string][]int{}, promised: map[string][]int{}}
}

func (l *promises) enter(in map[string][]int, client string, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in[client] = append(in[client], number)
}

// check tells whether all that was promised was handled, once and in order. It returns the number of promises.
func (l *promises) check(t *testing.T) (count int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for client, promised := range l.promised {
		handled := l.handled[client]
		for i, number := range promised {
			if i >= len(handled) || handled[i] != number {
				t.Errorf("%s: promised %v, handled %v", client, promised, handled)
				break
			}
		}
		count += len(promised)
	}
	for client, handled := range l.handled {
		for i, number := range handled {
			if number != i {
				t.Errorf("%s: handled %v", client, handled)
				break
			}
		}
	}
	return count
}

// TestServer_Shutdown_ledger shuts a server down while its clients send: what was acknowledged, before or meanwhile, and
// what was posted before, has been handled when Shutdown returns, once and in order. The http.Server lives.
func TestServer_Shutdown_ledger(t *testing.T) {
	const window = 2 * time.Second
	for name, window := range map[string]time.Duration{"at once": 0, "paced": window} {
		bubble(t, name, func(t *testing.T) {
			l := newPromises()
			listener := memnet.Listen()
			server := &http.Server{}
			n := serveOn(t, listener, listener.DialContext, server, &socketio.Options{DrainWindow: window})
			server.Handler = aside(n)
			n.On("put", func(_ context.Context, _ *socketio.Socket, m *event.Message) error {
				var client string
				var number int
				if err := m.Scan(&client, &number); err != nil {
					return err
				}
				time.Sleep(3 * time.Millisecond)
				l.enter(l.handled, client, number)
				return ignoreClosed(m.Ack())
			})
			var clients sync.WaitGroup
			for i := range 20 {
				c := n.join(t)
				clients.Go(func() { l.send(c, fmt.Sprint("websocket ", i)) })
			}
			for i := range 10 {
				p := n.poll(t)
				p.join()
				name := fmt.Sprint("polling ", i)
				for number := range 5 {
					if got := p.post(put("42", name, number)); got != "ok" {
						t.Fatalf("POST: %q", got)
					}
					l.enter(l.promised, name, number)
				}
			}
			time.Sleep(100 * time.Millisecond)
			began := l.check(t)
			start := time.Now()
			if err := n.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took < window*8/10 || took > window+3*time.Second {
				t.Errorf("Shutdown took %v", took)
			}
			handled := len(l.handled)
			clients.Wait()
			promises := l.check(t)
			if handled != 30 || began < 100 || window > 0 && promises < 2*began {
				t.Errorf("%d clients, %d promises before Shutdown, %d at the end: too few to show anything", handled, began, promises)
			}
			for path, want := range map[string]int{"/aside": 200, "/socket.io/?EIO=4&transport=polling": 503} {
				response, err := httpClient(t, n).Get("http://parley.test" + path)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != want {
					t.Errorf("%s: %d, want %d", path, response.StatusCode, want)
				}
			}
		})
	}
}

// aside is a handler beside the server's.
func aside(n *node) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", n)
	mux.HandleFunc("/aside", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })
	return mux
}

// put is an event with its place in the ledger.
func put(kind, client string, number int) string {
	return fmt.Sprintf(`%s["put",%q,%d]`, kind, client, number)
}

// send sends entries and notes which were acknowledged, until the connection ends.
func (l *promises) send(c *client, name string) {
	var sending sync.WaitGroup
	sending.Go(func() {
		for number := range math.MaxInt {
			if c.trySend(put(fmt.Sprint("42", number), name, number)) != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	for m := range c.in {
		var number int
		if _, err := fmt.Sscanf(strings.TrimSuffix(m, "[]"), "43%d", &number); err == nil {
			l.enter(l.promised, name, number)
		}
	}
	sending.Wait()
}

// A client that joins, and one that sends, while a paced shutdown has not come to it yet are served.
func TestOptions_DrainWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, told := serve(t, &socketio.Options{DrainWindow: 30 * time.Second}), newJournal()
		n.Of("/late")
		n.Of("/late").OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
		c := n.join(t)
		done := make(chan error, 1)
		go func() { done <- n.Shutdown(context.Background()) }()
		synctest.Wait()
		c.join("/late")
		c.send(`42/late,7["nothing"]`)
		synctest.Wait()
		if got := len(n.Of("/late").Sockets()); got != 1 {
			t.Errorf("%d sockets", got)
		}
		if err := n.Of("/late").Emit("e"); err != nil {
			t.Error(err)
		}
		c.expect(`42/late,["e"]`)
		c.closed()
		if err := <-done; err != nil {
			t.Error(err)
		}
		told.expect(t, "server shutting down")
	})
}
