package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/internal/testing/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bubble runs a test on both ends of a connection, under a clock that moves only while everything waits.
func bubble(t *testing.T, name string, buffer int, test func(t *testing.T, a, b *memnet.Conn)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := connect(t, buffer)
			test(t, a, b)
			a.Close()
			b.Close()
		})
	})
}

// connect makes a connection through a listener.
func connect(t *testing.T, buffer int) (client, server *memnet.Conn) {
	t.Helper()
	l := memnet.Listen()
	l.Buffer = buffer
	defer l.Close()
	a, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*memnet.Conn), b.(*memnet.Conn)
}

// wantError checks an error of a Conn: its cause, and its form.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", what, err, want)
	}
	var op *net.OpError
	if wrapped := errors.As(err, &op); wrapped == errors.Is(want, io.EOF) {
		t.Errorf("%s = %#v", what, err)
	}
	var timeout net.Error
	if got := errors.As(err, &timeout) && timeout.Timeout(); got != errors.Is(want, os.ErrDeadlineExceeded) {
		t.Errorf("%s = %v: timeout %t", what, err, got)
	}
}

// write writes all or fails the test.
func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("Write(%q) = %d, %v", text, n, err)
	}
}

// read reads once.
func read(c net.Conn) (string, error) {
	p := make([]byte, 100)
	n, err := c.Read(p)
	return string(p[:n]), err
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	if got, err := read(c); got != want || err != nil {
		t.Errorf("Read = %q, %v, want %q", got, err, want)
	}
}

func TestConn_data(t *testing.T) {
	bubble(t, "both directions at once", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "ping")
		write(t, b, "pong")
		wantRead(t, a, "pong")
		wantRead(t, b, "ping")
	})
	bubble(t, "a read returns what is there", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "one")
		write(t, a, "two")
		p := make([]byte, 4)
		if n, err := b.Read(p); string(p[:n]) != "onet" || err != nil {
			t.Errorf("Read = %q, %v", p[:n], err)
		}
		wantRead(t, b, "wo")
	})
	bubble(t, "nothing is read and written at once", 0, func(t *testing.T, a, _ *memnet.Conn) {
		if n, err := a.Read(nil); n != 0 || err != nil {
			t.Errorf("Read = %d, %v", n, err)
		}
		write(t, a, "")
	})
	for _, buffer := range []int{1, 7, 4096, 0} {
		bubble(t, "much more than the buffer holds", buffer, func(t *testing.T, a, b *memnet.Conn) {
			sent := make([]byte, 200_000)
			random := rand.NewChaCha8([32]byte{})
			random.Read(sent)
			go func() {
				for rest := sent; len(rest) > 0; {
					n := min(len(rest), 1+int(random.Uint64()%10_000))
					write(t, a, string(rest[:n]))
					rest = rest[n:]
				}
				if err := a.CloseWrite(); err != nil {
					t.Errorf("CloseWrite: %v", err)
				}
			}()
			got, err := io.ReadAll(b)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes arrived as they were sent: %v", len(got), len(sent), err)
			}
		})
	}
	bubble(t, "concurrent writes do not mix", 10, func(t *testing.T, a, b *memnet.Conn) {
		const writers, size = 8, 1000
		for w := range writers {
			go write(t, a, string(bytes.Repeat([]byte{'a' + byte(w)}, size)))
		}
		got := make([]byte, writers*size)
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if c != got[i/size*size] {
				t.Fatalf("byte %d comes from %q, in the middle of %q", i, c, got[i/size*size])
			}
		}
	})
	bubble(t, "addresses", 0, func(t *testing.T, a, b *memnet.Conn) {
		if a.LocalAddr() != b.RemoteAddr() || b.LocalAddr() != a.RemoteAddr() || a.LocalAddr() == b.LocalAddr() {
			t.Errorf("%v - %v and %v - %v", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
		if host, _, err := net.SplitHostPort(b.RemoteAddr().String()); host != "198.51.100.1" || err != nil {
			t.Errorf("the client's host is %q, %v", host, err)
		}
	})
}

func TestConn_backpressure(t *testing.T) {
	bubble(t, "a write waits while the buffer is full", 10, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "0123456789")
		done := false
		go func() {
			write(t, a, "abc")
			done = true
		}()
		synctest.Wait()
		if done {
			t.Fatal("the write did not wait")
		}
		p := make([]byte, 2)
		for range 2 {
			if _, err := io.ReadFull(b, p); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if !done {
			t.Error("the write still waits, though there is space for it")
		}
		wantRead(t, b, "456789abc")
	})
	bubble(t, "a write tells how far it came", 10, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "0123")
		a.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := a.Write([]byte("456789abc"))
		wantError(t, "Write", err, os.ErrDeadlineExceeded)
		if n != 6 {
			t.Errorf("wrote %d bytes, want the 6 that the buffer had space for", n)
		}
		wantRead(t, b, "0123456789")
	})
	bubble(t, "the directions have buffers of their own", 10, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "0123456789")
		write(t, b, "0123456789")
	})
}

func TestConn_deadlines(t *testing.T) {
	passed := func(t *testing.T, want time.Duration, f func()) {
		t.Helper()
		start := time.Now()
		f()
		if got := time.Since(start); got != want {
			t.Errorf("it took %v, want %v", got, want)
		}
	}
	bubble(t, "a read gives up", 0, func(t *testing.T, a, b *memnet.Conn) {
		a.SetReadDeadline(time.Now().Add(time.Minute))
		passed(t, time.Minute, func() {
			_, err := read(a)
			wantError(t, "Read", err, os.ErrDeadlineExceeded)
		})
		write(t, b, "late")
		_, err := read(a)
		wantError(t, "Read of what has come later", err, os.ErrDeadlineExceeded)
		write(t, a, "x") // writing still works
		a.SetReadDeadline(time.Time{})
		wantRead(t, a, "late")
	})
	bubble(t, "a write gives up", 1, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "x")
		a.SetWriteDeadline(time.Now().Add(time.Minute))
		passed(t, time.Minute, func() {
			_, err := a.Write([]byte("y"))
			wantError(t, "Write", err, os.ErrDeadlineExceeded)
		})
		wantRead(t, b, "x")
		_, err := a.Write([]byte("y"))
		wantError(t, "Write when there is space again", err, os.ErrDeadlineExceeded)
		write(t, b, "z") // reading still works
		wantRead(t, a, "z")
		a.SetWriteDeadline(time.Time{})
		write(t, a, "y")
	})
	bubble(t, "one that has passed counts at once", 1, func(t *testing.T, a, b *memnet.Conn) {
		write(t, b, "x")
		a.SetDeadline(time.Now())
		_, err := read(a)
		wantError(t, "Read", err, os.ErrDeadlineExceeded)
		_, err = a.Write([]byte("y"))
		wantError(t, "Write", err, os.ErrDeadlineExceeded)
	})
	bubble(t, "a new one replaces the old one of those who wait", 1, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "x")
		for _, c := range []struct {
			set  func(time.Time) error
			wait func() error
		}{
			{a.SetReadDeadline, func() error { _, err := read(a); return err }},
			{a.SetWriteDeadline, func() error { _, err := a.Write([]byte("y")); return err }},
		} {
			begin := time.Now()
			c.set(begin.Add(time.Minute))
			var group sync.WaitGroup
			var err error
			group.Go(func() { passed(t, time.Hour, func() { err = c.wait() }) })
			synctest.Wait()
			c.set(begin.Add(time.Hour))
			group.Wait()
			wantError(t, "waiting for the later deadline", err, os.ErrDeadlineExceeded)

			c.set(time.Time{})
			group.Go(func() { passed(t, time.Second, func() { err = c.wait() }) })
			time.Sleep(time.Second)
			synctest.Wait()
			c.set(time.Unix(1, 0))
			group.Wait()
			wantError(t, "waiting when a deadline in the past is set", err, os.ErrDeadlineExceeded)
		}
	})
	bubble(t, "a write that waits for another has one too", 1, func(t *testing.T, a, _ *memnet.Conn) {
		write(t, a, "x")
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				_, err := a.Write([]byte("y"))
				wantError(t, "Write", err, os.ErrDeadlineExceeded)
			})
		}
		synctest.Wait()
		a.SetWriteDeadline(time.Now().Add(time.Second))
		group.Wait()
	})
}

func TestConn_close(t *testing.T) {
	bubble(t, "the peer reads what was sent, and the end", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "last words")
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		wantRead(t, b, "last words")
		for range 2 {
			_, err := read(b)
			wantError(t, "Read", err, io.EOF)
		}
		_, err := b.Write([]byte("x"))
		wantError(t, "Write to a closed peer", err, syscall.EPIPE)
	})
	bubble(t, "every use of a closed end fails", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, b, "unread")
		a.Close()
		_, err := read(a)
		wantError(t, "Read", err, net.ErrClosed)
		_, err = a.Write([]byte("x"))
		wantError(t, "Write", err, net.ErrClosed)
		wantError(t, "Close", a.Close(), net.ErrClosed)
		wantError(t, "CloseWrite", a.CloseWrite(), net.ErrClosed)
		wantError(t, "SetDeadline", a.SetDeadline(time.Now()), net.ErrClosed)
		wantError(t, "SetReadDeadline", a.SetReadDeadline(time.Time{}), net.ErrClosed)
		wantError(t, "SetWriteDeadline", a.SetWriteDeadline(time.Time{}), net.ErrClosed)
	})
	bubble(t, "own close counts more than the peer's", 0, func(t *testing.T, a, b *memnet.Conn) {
		b.Close()
		a.Close()
		_, err := read(a)
		wantError(t, "Read", err, net.ErrClosed)
		_, err = a.Write([]byte("x"))
		wantError(t, "Write", err, net.ErrClosed)
	})
	bubble(t, "half closed", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "question")
		if err := a.CloseWrite(); err != nil {
			t.Errorf("CloseWrite = %v", err)
		}
		_, err := a.Write([]byte("x"))
		wantError(t, "Write after CloseWrite", err, syscall.EPIPE)
		if got, err := io.ReadAll(b); string(got) != "question" || err != nil {
			t.Errorf("ReadAll = %q, %v", got, err)
		}
		write(t, b, "answer")
		wantRead(t, a, "answer")
	})
	bubble(t, "reset", 0, func(t *testing.T, a, b *memnet.Conn) {
		write(t, a, "lost")
		a.Reset()
		a.Reset()
		_, err := read(b)
		wantError(t, "Read of the peer", err, syscall.ECONNRESET)
		_, err = b.Write([]byte("x"))
		wantError(t, "Write of the peer", err, syscall.ECONNRESET)
		_, err = read(a)
		wantError(t, "Read", err, net.ErrClosed)
		_, err = a.Write([]byte("x"))
		wantError(t, "Write", err, net.ErrClosed)
		wantError(t, "Close", a.Close(), net.ErrClosed)
	})

	// A waiting read or write returns, however the connection ends.
	for _, c := range []struct {
		name                   string
		end                    func(a, b *memnet.Conn)
		read, write, alsoWrite error // of a; alsoWrite waits for the first write
	}{
		{"own close wakes", func(a, _ *memnet.Conn) { a.Close() }, net.ErrClosed, net.ErrClosed, net.ErrClosed},
		{"the peer's close wakes", func(_, b *memnet.Conn) { b.Close() }, io.EOF, syscall.EPIPE, syscall.EPIPE},
		{"the peer's reset wakes", func(_, b *memnet.Conn) { b.Reset() },
			syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET},
	} {
		bubble(t, c.name, 1, func(t *testing.T, a, b *memnet.Conn) {
			write(t, a, "x")
			var group sync.WaitGroup
			group.Go(func() {
				_, err := read(a)
				wantError(t, "Read", err, c.read)
			})
			group.Go(func() {
				_, err := a.Write([]byte("y"))
				wantError(t, "Write", err, c.write)
			})
			synctest.Wait()
			group.Go(func() {
				_, err := a.Write([]byte("z"))
				wantError(t, "second Write", err, c.alsoWrite)
			})
			synctest.Wait()
			c.end(a, b)
			group.Wait()
		})
	}
}

// TestConn_race uses every method from many goroutines; the race detector judges.
func TestConn_race(t *testing.T) {
	bubble(t, "all methods", 100, func(t *testing.T, a, b *memnet.Conn) {
		var group sync.WaitGroup
		for i := range 20 {
			for _, c := range []*memnet.Conn{a, b} {
				group.Go(func() { _, _ = c.Write(make([]byte, 1000)) })
				group.Go(func() { _, _ = c.Read(make([]byte, 300)) })
				group.Go(func() { _ = c.SetDeadline(time.Now().Add(time.Duration(i) * time.Millisecond)) })
				group.Go(func() { _ = c.SetReadDeadline(time.Now().Add(time.Millisecond)) })
				group.Go(func() { _ = c.SetWriteDeadline(time.Now().Add(time.Millisecond)) })
				group.Go(func() { _, _ = c.LocalAddr(), c.RemoteAddr() })
			}
		}
		group.Go(func() {
			time.Sleep(10 * time.Millisecond)
			a.CloseWrite()
			b.Close()
			a.Reset()
		})
		group.Wait()
	})
}
