package websocket

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

const (
	// readBufferSize is the size of a pooled read buffer, enough for a burst of small messages.
	readBufferSize = 8 << 10
	// plainBufferSize is the size of the buffer that a connection without a descriptor keeps all the time.
	plainBufferSize = 2 << 10
)

// readBuffers is a pool of read buffers that all servers of a process share.
var readBuffers = sync.Pool{New: func() any { return new([readBufferSize]byte) }}

func takeReadBuffer() *[readBufferSize]byte { return readBuffers.Get().(*[readBufferSize]byte) }

func giveReadBuffer(b *[readBufferSize]byte) {
	buffer.Poison(b[:])
	readBuffers.Put(b)
}

// frameReader decodes the bytes of a connection into websocket messages. The reading goroutine of the connection owns all
// fields except those that init sets.
//
// While a connection with a descriptor is idle, the goroutine waits inside readReady without a buffer: the callback takes
// one from the pool, tries a read that does not block, and gives the buffer back when it has read nothing. Other
// connections keep a small buffer of their own.
type frameReader struct {
	// Immutable after construction.
	conn    stream
	direct  *descriptor // nil: ordinary reads
	onReady func(fd uintptr) bool
	link    *transport.Link

	pooled *[readBufferSize]byte // the array of buf, when direct is set
	buf    []byte                // nil while nothing is buffered and direct is set
	r, w   int                   // buf[r:w] has been read and not yet used
	n      int                   // result of onReady
	err    error                 // result of onReady

	frames   eio.Assembler
	deadline bool   // a read deadline is set: a message has begun
	inFrame  bool   // a header has been read and its payload has not
	message  []byte // a message that did not fit the buffer, or consists of fragments

	last atomic.Pointer[time.Time] // the connection's last deadline, when it is ending; set once, by any goroutine

	inflated *[]byte // the pooled buffer with a decompressed message
}

// init initializes the reader of c. early holds bytes that the HTTP server has already read.
func (f *frameReader) init(c *Conn, conn stream, rules *eio.Rules, early []byte) {
	f.conn, f.link = conn, &c.Link
	f.frames = eio.Assembler{Rules: rules, Inflates: c.deflate != nil}
	if c.isDirect() {
		f.conn, f.direct = &c.direct, &c.direct
		f.onReady = f.tryRead
	} else {
		f.buf = make([]byte, max(plainBufferSize, len(early)))
	}
	if len(early) > readBufferSize {
		f.buf, f.w = early, len(early) // does not happen with net/http, which reads less ahead
	} else if len(early) > 0 {
		f.acquire()
		f.w = copy(f.buf, early)
	}
}

// acquire makes sure that there is a buffer.
func (f *frameReader) acquire() {
	if f.buf == nil {
		f.pooled = takeReadBuffer()
		f.buf = f.pooled[:]
	}
}

// release gives the buffers back.
func (f *frameReader) release() {
	f.releaseInflated()
	if f.pooled != nil {
		giveReadBuffer(f.pooled)
		f.pooled, f.buf = nil, nil
	}
}

// readMessage calls control for each control frame and returns the next whole message. The bytes of the message are valid
// until the next call. An error of type *eio.Violation has the code with which to close the connection. Other errors are
// transport.ErrControls, those of control and those of reading.
func (f *frameReader) readMessage(control func(op ws.OpCode, payload []byte) error) (data []byte, binary bool, err error) {
	f.message = nil
	f.releaseInflated()
	for {
		h, err := f.readHeader()
		if err != nil {
			return nil, false, err
		}
		if h.OpCode.IsControl() {
			payload, err := f.readPayload(h)
			if err != nil {
				return nil, false, err
			}
			if err := f.link.CountControl(); err != nil {
				return nil, false, err
			}
			if err := control(h.OpCode, payload); err != nil {
				return nil, false, err
			}
			if !f.frames.Open() {
				f.disarm()
			}
			continue
		}
		if err := f.frames.Add(h, len(f.message)); err != nil {
			return nil, false, err
		}
		if f.frames.Whole(h) && h.Length <= int64(len(f.buf)) {
			data, err = f.readPayload(h) // the common case: unmasked in place, not copied
		} else {
			err = f.appendPayload(h)
			data = f.message
		}
		if err != nil {
			return nil, false, err
		}
		if h.Fin {
			f.disarm()
			if f.frames.Compressed() {
				f.inflated = buffer.Take() // until the next message
			}
			return f.frames.End(data, f.inflated)
		}
	}
}

// readHeader waits for a whole frame header and checks it.
func (f *frameReader) readHeader() (ws.Header, error) {
	for {
		if f.w > f.r {
			h, size, err := f.frames.Header(f.buf[f.r:f.w])
			if err != nil {
				return h, err
			}
			if size > 0 {
				f.r += size
				f.inFrame = true
				return h, nil
			}
		}
		if err := f.fill(); err != nil {
			return ws.Header{}, err
		}
	}
}

// readPayload waits for a payload that fits the buffer and returns it unmasked, valid until the next read.
func (f *frameReader) readPayload(h ws.Header) ([]byte, error) {
	n := int(h.Length)
	for f.w-f.r < n {
		if err := f.fill(); err != nil {
			return nil, err
		}
	}
	f.inFrame = false
	if n == 0 {
		return nil, nil
	}
	payload := f.buf[f.r : f.r+n : f.r+n]
	f.r += n
	eio.Unmask(payload, h, 0)
	return payload, nil
}

// appendPayload appends a payload to the message as its bytes arrive, so that a header alone allocates nothing, however
// large the length in it.
func (f *frameReader) appendPayload(h ws.Header) error {
	for offset, left := 0, int(h.Length); left > 0; {
		if f.w == f.r {
			if err := f.fill(); err != nil {
				return err
			}
		}
		part := f.buf[f.r:min(f.w, f.r+left)]
		eio.Unmask(part, h, offset)
		f.message = append(f.message, part...)
		f.r += len(part)
		offset += len(part)
		left -= len(part)
	}
	f.inFrame = false
	return nil
}

// fill waits for more bytes and puts them behind those that are buffered.
func (f *frameReader) fill() error {
	if f.r == f.w {
		f.r, f.w = 0, 0
	} else if f.w == len(f.buf) {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	if (f.w > 0 || f.inFrame || f.frames.Open()) && !f.deadline {
		f.deadline = true
		f.setDeadline(time.Now().Add(f.link.Limits.ReadTimeout))
	}
	if f.direct == nil {
		n, err := f.conn.Read(f.buf[f.w:])
		f.w += n
		if n > 0 {
			return nil
		}
		return err
	}
	f.n, f.err = 0, nil
	if err := f.direct.readReady(f.onReady); err != nil {
		return err
	}
	f.w += f.n
	return f.err
}

// tryRead is the callback of readReady: it returns false to go on waiting.
func (f *frameReader) tryRead(fd uintptr) bool {
	f.acquire()
	var ok bool
	f.n, ok, f.err = readDescriptor(fd, f.buf[f.w:])
	if !ok && f.w == 0 {
		f.release()
	}
	return ok
}

// disarm removes the deadline when a message is complete.
func (f *frameReader) disarm() {
	if f.deadline {
		f.deadline = false
		f.setDeadline(time.Time{})
	}
}

// setDeadline sets the deadline of reading, unless end has set the connection's last one.
func (f *frameReader) setDeadline(t time.Time) {
	f.conn.SetReadDeadline(t)
	if last := f.last.Load(); last != nil {
		f.conn.SetReadDeadline(*last)
	}
}

// end sets the deadline for the client to close its side: CloseTimeout after the first call. It may be called by any
// goroutine.
func (f *frameReader) end() {
	last := time.Now().Add(f.link.Limits.CloseTimeout)
	f.last.CompareAndSwap(nil, &last) // before the deadline is set: see setDeadline
	f.conn.SetReadDeadline(*f.last.Load())
}

// ended reports whether the deadline of end has passed.
func (f *frameReader) ended() bool {
	last := f.last.Load()
	return last != nil && !time.Now().Before(*last)
}

// releaseInflated gives the buffer of a decompressed message back.
func (f *frameReader) releaseInflated() {
	if f.inflated != nil {
		buffer.Give(f.inflated)
		f.inflated = nil
	}
}

// discard reads and drops until the client closes its side or the deadline passes.
func (f *frameReader) discard() {
	buffer := takeReadBuffer()
	defer giveReadBuffer(buffer)
	for {
		if _, err := f.conn.Read(buffer[:]); err != nil {
			return
		}
	}
}

// more reports whether another whole frame is in the buffer.
func (f *frameReader) more() bool {
	h, size, err := eio.ParseHeader(f.buf[f.r:f.w])
	return err == nil && size > 0 && h.Length <= int64(f.w-f.r-size)
}
