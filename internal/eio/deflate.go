package eio

import (
	"compress/flate"
	"fmt"
	"sync"
)

// Deflater compresses websocket messages with permessage-deflate (RFC 7692). No state is kept from one message to the
// next. It is safe for concurrent use.
type Deflater struct {
	// Immutable after construction.
	threshold, level int

	writers sync.Pool // of *compressor: each holds a megabyte
}

// NewDeflater returns what compresses messages of at least so many bytes, with a level of package flate. The error says
// that package flate does not have the level.
func NewDeflater(threshold, level int) (*Deflater, error) {
	if level < flate.HuffmanOnly || level > flate.BestCompression {
		return nil, fmt.Errorf("level %d is not one of package flate", level)
	}
	d := &Deflater{threshold: threshold, level: level}
	d.writers.New = func() any {
		c := &compressor{}
		c.writer, _ = flate.NewWriter(&c.out, d.level) // the level has been checked
		return c
	}
	return d, nil
}

// compressor is a flate.Writer with the place that it writes to.
type compressor struct {
	writer *flate.Writer
	out    SliceWriter
}

// SliceWriter appends what is written to it.
type SliceWriter []byte

// Write implements io.Writer.
func (w *SliceWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// Wants reports whether any of the packets is to be compressed; on nil, that none is. The threshold counts what a frame
// carries; base64 does not matter, as those who ask for it get no compression.
func (d *Deflater) Wants(packets []Packet) bool {
	if d == nil {
		return false
	}
	for _, p := range packets {
		if !p.Plain && Frames4.packetSize(p) >= d.threshold {
			return true
		}
	}
	return false
}

// flushed is what a flush leaves at the end, which is not sent (RFC 7692, section 7.2.1).
const flushed = "\x00\x00\xff\xff"

// Frames returns the frames, of which there is one for each packet, with those compressed that are to be, in the form that
// Form.Deflated names. A frame that would not get smaller stays as it is. scratch is overwritten, and replaced by the slice
// that it has grown to.
func (d *Deflater) Frames(frames []byte, packets []Packet, scratch *[]byte) []byte {
	c := d.writers.Get().(*compressor)
	defer d.writers.Put(c)

	var dst []byte
	for _, p := range packets {
		h, size, _ := ParseHeader(frames) // our own: whole and valid
		frame, payload := frames[:size+int(h.Length)], frames[size:size+int(h.Length)]
		frames = frames[len(frame):]
		if p.Plain || len(payload) < d.threshold {
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
			dst = make([]byte, 0, FrameSize(len(compressed)))
		}
		start := len(dst)
		dst = append(AppendHeader(dst, h.OpCode, len(compressed)), compressed...)
		dst[start] |= compressedBit
	}
	c.out = nil
	return dst
}

// compressedBit is RSV1 in the first byte of a frame header: the message is compressed.
const compressedBit = 0x40
