//go:build unix

package websocket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// unixPair returns the two ends of a connection of Unix sockets.
func unixPair(t *testing.T, network string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skipf("this platform has no %s: %v", network, err)
	}
	defer l.Close()
	if client, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// TestDescriptor: whoever kept the connection can neither close what has been taken out of it nor write to it, and what
// is closed here is closed once and for all.
func TestDescriptor(t *testing.T) {
	pairs := map[string]func(t *testing.T) (client, server net.Conn){
		"tcp":  func(t *testing.T) (client, server net.Conn) { return tcpPair(t) },
		"unix": func(t *testing.T) (client, server net.Conn) { return unixPair(t, "unix") },
	}
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			client, server := pair(t)
			d := new(descriptor)
			if !d.take(server) {
				t.Skip("no descriptors on this platform")
			}
			server.Close()
			if n, err := server.Write([]byte("x")); err == nil {
				t.Errorf("the connection that was taken over took %d bytes", n)
			}
			if n, err := d.writeNow([]byte("hello")); n != 5 || err != nil {
				t.Fatalf("writeNow: %d, %v", n, err)
			}
			got := make([]byte, 5)
			if _, err := io.ReadFull(client, got); err != nil || string(got) != "hello" {
				t.Fatalf("%q, %v", got, err)
			}

			d.SetReadDeadline(time.Now().Add(-time.Second))
			never := func(fd uintptr) bool { _, ok, _ := readDescriptor(fd, got); return ok }
			if err := d.readReady(never); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("reading behind the deadline: %v", err)
			}
			d.SetReadDeadline(time.Time{})

			ended := make(chan error)
			go func() { ended <- d.readReady(never) }()
			time.Sleep(10 * time.Millisecond) // usually it waits then; it must not matter
			d.Close()
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("a read that waits: %v", err)
			}
			for what, f := range map[string]func() error{
				"readReady":  func() error { return d.readReady(never) },
				"CloseWrite": d.CloseWrite,
				"writeNow":   func() error { _, err := d.writeNow([]byte("x")); return err },
			} {
				if err := f(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s of a closed one: %v", what, err)
				}
			}
			if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
				t.Errorf("the client reads %q, %v, want the end", rest, err)
			}
		})
	}
	t.Run("half closed", func(t *testing.T) {
		client, server := tcpPair(t)
		d := new(descriptor)
		if !d.take(server) {
			t.Skip("no descriptors on this platform")
		}
		defer d.Close()
		if err := d.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
			t.Errorf("the client reads %q, %v, want the end", rest, err)
		}
		client.Write([]byte("still there"))
		got := make([]byte, 100)
		if n, err := d.Read(got); err != nil || !bytes.Equal(got[:n], []byte("still there")) {
			t.Errorf("%q, %v", got[:n], err)
		}
	})
	t.Run("a batch is one write", func(t *testing.T) {
		client, server := unixPair(t, "unixpacket") // a read takes what one write has brought
		d := new(descriptor)
		if !d.take(server) {
			t.Skip("no descriptors on this platform")
		}
		defer d.Close()
		for _, batch := range []net.Buffers{{[]byte("a"), []byte("bc"), []byte("d")}, {[]byte("abcd")}} {
			if n, err := d.writeBatch(batch); n != 4 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			got := make([]byte, 100)
			if n, err := client.Read(got); err != nil || string(got[:n]) != "abcd" {
				t.Errorf("%q, %v", got[:n], err)
			}
		}
	})
	t.Run("none that blocks", func(t *testing.T) {
		client, server := tcpPair(t)
		f, err := server.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Fd() // of all duplicates
		if new(descriptor).take(server) {
			t.Fatal("it was taken")
		}
		go server.Write([]byte("x"))
		if n, err := client.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("the connection is of no use any more: %d, %v", n, err)
		}
	})
	t.Run("none of others", func(t *testing.T) {
		_, server := tcpPair(t)
		if new(descriptor).take(struct{ net.Conn }{server}) {
			t.Error("a wrapper was passed over")
		}
	})
}
