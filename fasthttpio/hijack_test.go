package fasthttpio_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// upgrade asks to leave HTTP, and does not wait for the answer.
const upgrade = "GET /upgrade HTTP/1.1\r\nHost: parley.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

// echoes takes a connection over and sends back each line, until one says bye. It goes on when ServeHTTP has returned.
func echoes(t *testing.T, early chan<- int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if _, _, err := http.NewResponseController(w).Hijack(); err != http.ErrHijacked {
			t.Errorf("taken twice: %v", err)
		}
		if _, err := io.WriteString(w, "x"); err != http.ErrHijacked {
			t.Errorf("written behind: %v", err)
		}
		early <- rw.Reader.Buffered()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		go func() {
			defer c.Close()
			for {
				line, err := rw.ReadString('\n')
				if err != nil || line == "bye\n" {
					return
				}
				io.WriteString(c, line)
			}
		}()
	}
}

// TestHandler_hijack: a connection is taken over with what its client has sent already, lives on without the server, and
// ends when it is closed.
func TestHandler_hijack(t *testing.T) {
	for kind, set := range map[string]func(*fasthttp.Server){
		"":           func(*fasthttp.Server) {},
		"frugal":     func(s *fasthttp.Server) { s.ReduceMemoryUsage = true },
		"per client": func(s *fasthttp.Server) { s.MaxConnsPerIP = 10 },
	} {
		t.Run(kind, func(t *testing.T) {
			eachNetwork(t, func(t *testing.T, start network) {
				early := make(chan int, 1)
				r := start(t, echoes(t, early), set)
				for _, first := range []string{"", "hello\n", strings.Repeat("x", 3000) + "\n"} {
					c := r.conn()
					c.say("%s%s", upgrade, first)
					if response := c.answer(); response.StatusCode != http.StatusSwitchingProtocols {
						t.Fatalf("answered with %d", response.StatusCode)
					}
					if got := receive(t, "what came early", early); got > len(first) {
						t.Errorf("%d bytes are buffered, of %d", got, len(first))
					}
					if first != "" {
						c.hears(first)
					}
					for _, line := range []string{"one\n", "two\n"} {
						c.say("%s", line)
						c.hears(line)
					}
					c.say("bye\n")
					c.ends()
				}
			})
		})
	}
}

// hears reads a line.
func (c *conn) hears(want string) {
	c.t.Helper()
	if got, err := c.in.ReadString('\n'); got != want || err != nil {
		c.t.Fatalf("got %.20q, %v, want %.20q", got, err, want)
	}
}

// TestHandler_hijack_late: an answer that has begun cannot be taken back.
func TestHandler_hijack_late(t *testing.T) {
	errs := make(chan error, 1)
	r := start(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "x")
		_, _, err := w.(http.Hijacker).Hijack()
		errs <- err
	})
	c := r.conn()
	c.say(upgrade)
	c.answers(200, "x")
	if receive(t, "result", errs) == nil {
		t.Error("the connection was taken")
	}
}

// TestHandler_hijack_other: only a request that asks to leave HTTP is one to take over.
func TestHandler_hijack_other(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _, err := w.(http.Hijacker).Hijack()
		io.WriteString(w, fmt.Sprint(err))
	})
	c := r.conn()
	c.get("/")
	c.answers(200, "fasthttpio: only a request with the header Upgrade can be hijacked")
}

// TestHandler_hijack_panic: the connection of a handler that panics behind taking it is closed by who has it, and the
// process lives on.
func TestHandler_hijack_panic(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		panic("oh no")
	})
	c := r.conn()
	c.say(upgrade)
	c.ends()
	r.logs("oh no")
}

// TestHandler_hijack_keeps: the kind of a connection is not hidden where it can be had.
func TestHandler_hijack_keeps(t *testing.T) {
	kinds := make(chan string, 1)
	take := func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		half, ok := c.(interface{ CloseWrite() error })
		kinds <- fmt.Sprintf("%T %t", c, r.TLS != nil)
		if !ok || half.CloseWrite() != nil {
			t.Errorf("%T cannot be closed by half", c)
		}
		io.Copy(io.Discard, rw)
		c.Close()
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("written to what is closed")
		}
	}
	eachNetwork(t, func(t *testing.T, start network) {
		kinds = make(chan string, 1)
		c := start(t, take).conn()
		c.say(upgrade)
		want := "*fasthttpio.heldConn false"
		switch c.Conn.(type) {
		case *net.TCPConn:
			want = "*net.TCPConn false"
		case *tls.Conn:
			want = "*fasthttpio.heldConn true"
		}
		if got := receive(t, "kind", kinds); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Errorf("the half that is closed: %v", err)
		}
		c.Close()
	})
}
