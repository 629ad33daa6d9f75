package engineio

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/internal/eio"
)

var errControls = errors.New("engineio: too many control packets in a second")

// frameReader turns a connection's bytes into websocket messages. All of it is owned by the connection's reading
// goroutine, save for what the constructor sets.
//
// While nothing arrives on a connection with a descriptor, the goroutine waits inside readReady with no buffer: the
// callback takes one from the pool, tries a read that does not block, and gives it back when there was nothing. Other
// connections keep a small buffer of their own.
type frameReader struct {
	// Immutable after construction.
	conn    stream
	direct  *descriptor // nil: ordinary reads
	onReady func(fd uintptr) bool
	limits  *Options

	pooled *[readBufferSize]byte // what buf is of, when direct is set
	buf    []byte                // nil while nothing is buffered and direct is set
	r, w   int                   // buf[r:w] has been read and not yet used
	n      int                   // result of onReady
	err    error                 // result of onReady

	frames   eio.Assembler
	deadline bool   // a read deadline is set: a message has begun
	inFrame  bool   // a header has been read and its payload has not
	message  []byte // a message that did not fit the buffer, or came in fragments

	last atomic.Pointer[time.Time] // the connection's last deadline, once it is ending; set once, by any goroutine

	controls controlBudget

	inflated *[]byte // the pooled buffer with a decompressed message
}

// init makes the reader ready; early holds bytes that were read before it existed.
func (f *frameReader) init(conn stream, direct *descriptor, early []byte, limits *Options, rules *eio.Rules) {
	f.conn, f.direct, f.limits = conn, direct, limits
	f.frames.Rules = rules
	if direct != nil {
		f.onReady = f.tryRead
	} else {
		f.buf = make([]byte, max(plainBufferSize, len(early)))
	}
	if len(early) > readBufferSize {
		f.buf, f.w = early, len(early) // no HTTP server that we know reads so far ahead
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

// readMessage calls control for each control frame and returns the next whole message. The message's bytes are valid
// until the next call. An error of type *eio.Violation says how to close the connection.
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
			if err := f.countControl(); err != nil {
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
			data, err = f.readPayload(h) // the usual case: unmasked in place, not copied
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
				f.inflated = takeWriteBuffer() // until the next message
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

// appendPayload adds a payload to the message as its bytes arrive, so that a header alone, whatever length it claims,
// makes nobody allocate.
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
		f.setDeadline(time.Now().Add(f.limits.ReadTimeout))
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

// disarm takes the deadline back once a message is complete.
func (f *frameReader) disarm() {
	if f.deadline {
		f.deadline = false
		f.setDeadline(time.Time{})
	}
}

// setDeadline sets the deadline of reading. It gives way to the connection's last one, which end may set meanwhile.
func (f *frameReader) setDeadline(t time.Time) {
	f.conn.SetReadDeadline(t)
	if last := f.last.Load(); last != nil {
		f.conn.SetReadDeadline(*last)
	}
}

// end gives the client CloseTimeout to close its side, counted from the first call. It may be called by any goroutine.
func (f *frameReader) end() {
	last := time.Now().Add(f.limits.CloseTimeout)
	f.last.CompareAndSwap(nil, &last) // before the deadline is set: see setDeadline
	f.conn.SetReadDeadline(*f.last.Load())
}

// ended reports whether the client's time to close its side is over.
func (f *frameReader) ended() bool {
	last := f.last.Load()
	return last != nil && !time.Now().Before(*last)
}

// releaseInflated gives the buffer of a decompressed message back.
func (f *frameReader) releaseInflated() {
	if f.inflated != nil {
		giveWriteBuffer(f.inflated)
		f.inflated = nil
	}
}

// countControl counts a control frame or a packet that is no message.
func (f *frameReader) countControl() error {
	if !f.controls.allow(f.limits.MaxControlPackets) {
		return &eio.Violation{Code: ws.StatusPolicyViolation, Err: errControls}
	}
	return nil
}

// controlBudget bounds what a client can make the server do with packets that carry nothing.
type controlBudget struct {
	second int64 // the current one
	used   int   // in it
}

// allow counts one packet and reports whether the client may still send it.
func (b *controlBudget) allow(limit int) bool {
	if second := time.Now().Unix(); second != b.second {
		b.second, b.used = second, 0
	}
	b.used++
	return b.used <= limit
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

// lost tells an ordinary end of a connection from an error.
func lost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}
