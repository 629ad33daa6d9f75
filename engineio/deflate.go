package engineio

import (
	"compress/flate"
	"fmt"
	"sync"

	"github.com/gobwas/ws"
)

// Deflate configures permessage-deflate (RFC 7692), the compression of websocket messages. No state is kept from one
// message to the next, on either side: an idle connection holds none, and a broadcast is compressed once for all its
// receivers.
type Deflate struct {
	// Threshold is the size in bytes from which messages to clients are compressed. Zero means 1,024; a negative value
	// compresses all.
	Threshold int
	// Level is one of package flate's, from HuffmanOnly to BestCompression. Zero means BestSpeed, which costs less than
	// half the time of flate.DefaultCompression and saves nearly as much.
	Level int
}

// defaultThreshold is the size from which compressing is worth its while, as in the reference.
const defaultThreshold = 1024

// newDeflater returns what compresses for all sessions of a server, or nil when o is nil.
func newDeflater(o *Deflate) (*deflater, error) {
	if o == nil {
		return nil, nil
	}
	d := &deflater{threshold: threshold(o.Threshold), level: o.Level}
	if d.level == flate.NoCompression {
		d.level = flate.BestSpeed
	}
	if d.level < flate.HuffmanOnly || d.level > flate.BestCompression {
		return nil, fmt.Errorf("engineio: Options.PerMessageDeflate.Level is %d, which package flate does not have", o.Level)
	}
	d.writers.New = func() any {
		c := &compressor{}
		c.writer, _ = flate.NewWriter(&c.out, d.level) // the level has been checked
		return c
	}
	return d, nil
}

// threshold replaces zero by the default and a negative value by the smallest one.
func threshold(n int) int {
	if n == 0 {
		return defaultThreshold
	}
	return max(n, 0)
}

// deflater compresses websocket messages. Its methods may be called from any goroutine, and on nil.
type deflater struct {
	// Immutable after construction.
	threshold, level int

	writers sync.Pool // of *compressor: each holds a megabyte
}

// compressor is a flate.Writer with the place that it writes to.
type compressor struct {
	writer *flate.Writer
	out    sliceWriter
}

// sliceWriter appends what is written to it.
type sliceWriter []byte

// Write implements io.Writer.
func (w *sliceWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// wants reports whether any of the packets is to be compressed. The threshold counts what a frame carries; base64 does
// not matter, as those who ask for it get no compression.
func (d *deflater) wants(packets []packet) bool {
	if d == nil {
		return false
	}
	for _, p := range packets {
		if !p.plain && frames4.packetSize(p) >= d.threshold {
			return true
		}
	}
	return false
}

// flushed is what a flush leaves at the end, which is not sent (RFC 7692, section 7.2.1).
const flushed = "\x00\x00\xff\xff"

// frames returns the frames, of which there is one for each packet, with those compressed that are to be. A frame that
// would not get smaller stays as it is.
func (d *deflater) frames(frames []byte, packets []packet) []byte {
	c := d.writers.Get().(*compressor)
	defer d.writers.Put(c)
	scratch := takeWriteBuffer()
	defer giveWriteBuffer(scratch)

	var dst []byte
	for _, p := range packets {
		h, size, _ := parseHeader(frames) // our own: whole and valid
		frame, payload := frames[:size+int(h.Length)], frames[size:size+int(h.Length)]
		frames = frames[len(frame):]
		if p.plain || len(payload) < d.threshold {
			dst = append(dst, frame...)
			continue
		}
		c.out = (*scratch)[:0]
		c.writer.Reset(&c.out)
		c.writer.Write(payload) // to memory: it cannot fail
		c.writer.Flush()
		*scratch = c.out
		compressed := c.out[:len(c.out)-len(flushed)]
		if len(compressed) >= len(payload) {
			dst = append(dst, frame...)
			continue
		}
		if dst == nil {
			dst = make([]byte, 0, frameSize(len(compressed)))
		}
		start := len(dst)
		dst = append(appendFrameHeader(dst, h.OpCode, len(compressed)), compressed...)
		dst[start] |= compressedBit
	}
	c.out = nil
	return dst
}

// compressedBit is RSV1 in the first byte of a frame header: the message is compressed.
const compressedBit = 0x40

// useDeflate makes the connection compress, when that has been negotiated. It is called before anything is sent.
func (c *wsConn) useDeflate(d *deflater) {
	c.deflate = d
	c.in.inflates = d != nil
}

// deflateFirst reports whether making the frames of the group takes its time, so that it should not be done under the
// session's lock.
func (c *wsConn) deflateFirst(p *Prepared) bool {
	return c != nil && c.deflate != nil && p.forms[c.deflatedForm(p)].Load() == nil && c.deflate.wants(p.packets)
}

// deflatedForm is the form in which the compressed frames of a group are kept.
func (c *wsConn) deflatedForm(p *Prepared) form {
	if c.form == frames3 && p.binary {
		return deflated3
	}
	return deflated4
}

// framesOf returns the frames of a group as this connection takes them.
func (c *wsConn) framesOf(p *Prepared) []byte {
	frames := p.wire(c.form)
	if !c.deflate.wants(p.packets) {
		return frames
	}
	deflated := &p.forms[c.deflatedForm(p)]
	if made := deflated.Load(); made != nil {
		return *made
	}
	made := c.deflate.frames(frames, p.packets)
	deflated.Store(&made)
	return made
}

// takeCompressed notes whether a message is compressed, and takes the bit that says so out of the header of its first
// frame. On any other frame the bit stays, and is an error (RFC 7692, section 6).
func (f *frameReader) takeCompressed(h *ws.Header) {
	const rsv1 = 4
	if h.OpCode == ws.OpText || h.OpCode == ws.OpBinary {
		f.compressed = f.inflates && h.Rsv&rsv1 != 0
		if f.compressed {
			h.Rsv &^= rsv1
		}
	}
}
