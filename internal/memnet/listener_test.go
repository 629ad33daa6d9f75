package memnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/memnet"
)

func TestListener(t *testing.T) {
	setup := func(t *testing.T, name string, test func(t *testing.T, l *memnet.Listener)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := memnet.Listen()
				defer l.Close()
				test(t, l)
			})
		})
	}
	ctx := context.Background()

	setup(t, "accepts in the order of dialling", func(t *testing.T, l *memnet.Listener) {
		for range 3 {
			c, err := l.Dial(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, c.LocalAddr())
		}
		for range 3 {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			wantRead(t, c, c.RemoteAddr().String())
			c.Close()
		}
	})
	setup(t, "accept waits", func(t *testing.T, l *memnet.Listener) {
		time.AfterFunc(time.Hour, func() {
			c, err := l.DialFrom(ctx, netip.MustParseAddr("2001:db8::7"))
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); host != "2001:db8::7" {
			t.Errorf("connected from %v", c.RemoteAddr())
		}
		c.Close()
	})
	setup(t, "close ends accept", func(t *testing.T, l *memnet.Listener) {
		time.AfterFunc(time.Hour, func() { l.Close() })
		for range 2 {
			_, err := l.Accept()
			wantError(t, "Accept", err, net.ErrClosed)
		}
		_, err := l.Dial(ctx)
		wantError(t, "Dial", err, syscall.ECONNREFUSED)
		wantError(t, "Close", l.Close(), net.ErrClosed)
	})
	setup(t, "close resets who waits and spares who was accepted", func(t *testing.T, l *memnet.Listener) {
		accepted, err := l.Dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := l.Dial(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = read(waiting)
		wantError(t, "Read", err, syscall.ECONNRESET)
		write(t, server, "still here")
		wantRead(t, accepted, "still here")
	})
	setup(t, "refuses when too many wait", func(t *testing.T, l *memnet.Listener) {
		var err error
		for range 1024 {
			if _, err = l.Dial(ctx); err != nil {
				t.Fatal(err)
			}
		}
		_, err = l.Dial(ctx)
		wantError(t, "Dial", err, syscall.ECONNREFUSED)
	})
	setup(t, "a cancelled context", func(t *testing.T, l *memnet.Listener) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if c, err := l.Dial(ctx); c != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("Dial = %v, %v", c, err)
		}
	})
}

// TestListener_http runs the standard library's server and client over the network: a plain exchange, a long poll, a
// timeout of the server's, and a hijacked connection.
func TestListener_http(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr, " ")
			if _, err := io.Copy(w, r.Body); err != nil {
				t.Errorf("echo: %v", err)
			}
		})
		mux.HandleFunc("GET /poll", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done(): // the client has gone
			case <-time.After(20 * time.Second):
				fmt.Fprint(w, "late")
			}
		})
		mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("Hijack: %v", err)
				return
			}
			defer c.Close()
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			line, err := rw.ReadString('\n')
			if err != nil {
				t.Errorf("reading after Hijack: %v", err)
			}
			fmt.Fprint(c, strings.ToUpper(line))
		})
		l := memnet.Listen()
		server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second, IdleTimeout: time.Minute}
		var group sync.WaitGroup
		group.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("Serve: %v", err)
			}
		})
		transport := &http.Transport{DialContext: l.DialContext}
		client := &http.Client{Transport: transport}

		body := strings.Repeat("0123456789", 50_000)
		response, err := client.Post("http://parley.test/echo", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if from, echo, _ := strings.Cut(string(got), " "); echo != body || err != nil || !strings.HasPrefix(from, "198.51.100.1:") {
			t.Errorf("echo from %q of %d bytes, error %v", from, len(echo), err)
		}

		begin := time.Now()
		if response, err = client.Get("http://parley.test/poll"); err != nil {
			t.Fatal(err)
		}
		got, _ = io.ReadAll(response.Body)
		response.Body.Close()
		if took := time.Since(begin); string(got) != "late" || took != 20*time.Second {
			t.Errorf("poll answered %q after %v", got, took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		request, _ := http.NewRequestWithContext(ctx, "GET", "http://parley.test/poll", nil)
		if _, err := client.Do(request); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a poll with a deadline: %v", err)
		}

		request, _ = http.NewRequest("GET", "http://parley.test/hijack", nil)
		request.Header.Set("Connection", "upgrade")
		request.Header.Set("Upgrade", "x")
		if response, err = client.Do(request); err != nil {
			t.Fatal(err)
		}
		upgraded := response.Body.(io.ReadWriteCloser)
		fmt.Fprintln(upgraded, "hello")
		if got, err := io.ReadAll(upgraded); string(got) != "HELLO\n" || err != nil {
			t.Errorf("after the upgrade: %q, %v", got, err)
		}
		upgraded.Close()

		silent, err := l.Dial(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		begin = time.Now()
		_, err = read(silent)
		wantError(t, "Read of a client that says nothing", err, io.EOF)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the server closed it after %v, want its ReadHeaderTimeout", took)
		}

		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		group.Wait()
	})
}
