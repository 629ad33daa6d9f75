package engineio

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/parleyio/parley/internal/eio"
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

// countingWriter counts the direct writes.
type countingWriter struct {
	directWriter
	writes int
}

func (w *countingWriter) writeNow(b []byte) (int, error) {
	w.writes++
	return w.directWriter.writeNow(b)
}

func newTestQueue(t testing.TB, conn *net.TCPConn) (*sendQueue, *countingWriter) {
	direct := new(descriptor)
	if !direct.take(conn) {
		t.Skip("no direct writes on this platform")
	}
	t.Cleanup(func() { direct.Close() })
	q := &sendQueue{}
	q.init(&Options{SendQueueBytes: 4 << 20, SendQueuePackets: 16384})
	counting := &countingWriter{directWriter: direct}
	q.direct = counting
	return q, counting
}

// TestSendQueue_cork: what a burst says leaves a descriptor in one write, whoever shares its frames.
func TestSendQueue_cork(t *testing.T) {
	client, server := tcpPair(t)
	q, raw := newTestQueue(t, server)
	q.corks = 1
	var want []byte
	for i := range 40 {
		packets := []eio.Packet{{Type: eio.TypeMessage, Data: bytes.Repeat([]byte{'x'}, i)}}
		frames := eio.Frames4.Append(nil, packets)
		want = append(want, frames...)
		var err error
		if i%3 == 0 {
			_, err = q.writeSharedLocked(frames, 1)
		} else {
			_, err = q.writePacketsLocked(packets, eio.Frames4)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if q.packets != 40 || q.bytes != len(want) || raw.writes != 0 {
		t.Fatalf("%d packets, %d bytes, %d writes", q.packets, q.bytes, raw.writes)
	}
	q.corks = 0
	if flush, err := q.flushLocked(); flush || err != nil || raw.writes != 1 || q.packets != 0 || q.bytes != 0 {
		t.Fatalf("flush %v, %v, %d writes, %d packets, %d bytes", flush, err, raw.writes, q.packets, q.bytes)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got, want))
	}
}

// TestSendQueue_partial: what the kernel does not take is queued, and left to a flusher in the right order.
func TestSendQueue_partial(t *testing.T) {
	client, server := tcpPair(t)
	server.SetWriteBuffer(4 << 10)
	q, raw := newTestQueue(t, server)
	var want []byte
	flushers := 0
	for i := range 200 {
		packets := []eio.Packet{{Type: eio.TypeMessage, Data: bytes.Repeat([]byte{byte(i)}, i*i%50_000), Binary: true}}
		frames := eio.Frames4.Append(nil, packets)
		want = append(want, frames...)
		var flush bool
		var err error
		if i%2 == 0 {
			flush, err = q.writeSharedLocked(frames, 1)
		} else {
			flush, err = q.writePacketsLocked(packets, eio.Frames4)
		}
		if err != nil {
			t.Fatal(err)
		}
		if flush {
			flushers++
		}
	}
	if flushers != 1 || !q.flushing || q.bytes == 0 || q.writableLocked() || q.directLocked() {
		t.Fatalf("%d flushers, %d bytes queued", flushers, q.bytes)
	}
	direct := raw.writes
	received := make(chan []byte)
	go func() {
		got := make([]byte, len(want))
		io.ReadFull(client, got)
		received <- got
	}()
	for q.bytes > 0 {
		batch := q.batchLocked()
		size := 0
		for _, piece := range batch {
			size += len(piece)
		}
		if size > flushBatch {
			t.Fatalf("a batch of %d bytes", size)
		}
		n, err := raw.directWriter.(*descriptor).writeBatch(batch)
		if err != nil {
			t.Fatal(err)
		}
		q.wroteLocked(int(n))
	}
	if len(q.chunks) != 0 || q.packets != 0 || raw.writes != direct {
		t.Errorf("%d chunks, %d packets, %d direct writes beside the flusher", len(q.chunks), q.packets, raw.writes-direct)
	}
	if !bytes.Equal(<-received, want) {
		t.Error("the bytes differ")
	}
}

// TestPrepared_once: a group is encoded once for each form that clients take.
func TestPrepared_once(t *testing.T) {
	mixed := Prepare(Message{Data: []byte("té😀")}, Message{Data: []byte{1, 2, 3}, Binary: true})
	for f, want := range map[eio.Form]string{
		eio.Frames4:        "\x81\x084té😀\x82\x03\x01\x02\x03",
		eio.Frames4Base64:  "\x81\x084té😀\x81\x05bAQID",
		eio.Frames3:        "\x81\x084té😀\x82\x04\x04\x01\x02\x03",
		eio.Frames3Base64:  "\x81\x084té😀\x81\x06b4AQID",
		eio.Payload4:       "4té😀\x1ebAQID",
		eio.Payload3:       "5:4té😀6:b4AQID",
		eio.Payload3Binary: "\x00\x08\xff4té😀\x01\x04\xff\x04\x01\x02\x03",
	} {
		first, second := mixed.wire(f), mixed.wire(f)
		if string(first) != want {
			t.Errorf("form %d: %q, want %q", f, first, want)
		}
		if &first[0] != &second[0] || cap(first) != len(first) {
			t.Errorf("form %d was made twice, or of %d bytes for %d", f, cap(first), len(first))
		}
	}
	// Frames of text are the same for all.
	text := Prepare(Message{Data: []byte("text")})
	for f := range eio.Payload4 {
		if &text.wire(f)[0] != &text.wire(eio.Frames4)[0] {
			t.Errorf("form %d was made again", f)
		}
	}
}
