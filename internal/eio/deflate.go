package eio

import (
	"compress/flate"
	"fmt"
	"sync"
)

// Deflater compresses websocket messages with permessage-deflate (RFC 7692). It keeps no state between messages. It is safe
// for concurrent use.
type Deflater struct {
	// Immutable after construction.
	threshold, level int

	writers sync.Pool // of *compressor, about 1 MB each
}

// NewDeflater returns a Deflater for messages of at least threshold bytes. level is a level of package flate; for any other
// level NewDeflater returns an error.
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

// compressor is a flate.Writer with its output buffer.
type compressor struct {
	writer *flate.Writer
	out    SliceWriter
}

// SliceWriter is an io.Writer that appends to a slice.
type SliceWriter []byte

// Write implements io.Writer.
func (w *SliceWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

// Wants reports whether any of the packets should be compressed. It is false for a nil Deflater. The threshold applies to
// the payload of the frame without base64, because clients that take base64 get no compression.
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

// flushed is the end of the output of a flush. It is not sent (RFC 7692, section 7.2.1).
const flushed = "\x00\x00\xff\xff"

// Frames returns the frames, one for each packet, in the form that Form.Deflated returns. It compresses the frames of
// packets that are large enough and not Plain, unless a frame would not become smaller. It overwrites *scratch and may
// replace it by a larger slice.
func (d *Deflater) Frames(frames []byte, packets []Packet, scratch *[]byte) []byte {
	c := d.writers.Get().(*compressor)
	defer d.writers.Put(c)

	var dst []byte
	for _, p := range packets {
		h, size, _ := ParseHeader(frames) // written by this package, so complete and valid
		frame, payload := frames[:size+int(h.Length)], frames[size:size+int(h.Length)]
		frames = frames[len(frame):]
		if p.Plain || len(payload) < d.threshold {
			dst = append(dst, frame...)
			continue
		}
		c.out = (*scratch)[:0]
		c.writer.Reset(&c.out)
		c.writer.Write(payload) // to memory, so it cannot fail
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
