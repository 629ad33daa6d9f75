package eio

import (
	"compress/flate"
	"errors"
	"io"
	"slices"
	"sync"
)

var errInflate = errors.New("engineio: a message does not decompress")

// messageEnd is appended to a compressed message: the end of the sender's flush, and a last block that ends the stream.
const messageEnd = flushed + "\x01\x00\x00\xff\xff"

// inflaters keeps decompressors between messages, about 40 KiB each.
var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.reader = flate.NewReader(&i.in)
	return i
}}

// inflater is a decompressor with its input.
type inflater struct {
	reader io.ReadCloser // a flate.Resetter
	in     messageReader
}

// messageReader reads a compressed message and then messageEnd. It implements flate.Reader, because without ReadByte the
// decompressor would allocate a buffer.
type messageReader struct {
	data []byte
	end  string
}

// Read implements io.Reader.
func (r *messageReader) Read(p []byte) (n int, err error) {
	switch {
	case len(r.data) > 0:
		n = copy(p, r.data)
		r.data = r.data[n:]
	case r.end != "":
		n = copy(p, r.end)
		r.end = r.end[n:]
	default:
		err = io.EOF
	}
	return n, err
}

// ReadByte implements io.ByteReader.
func (r *messageReader) ReadByte() (b byte, err error) {
	switch {
	case len(r.data) > 0:
		b, r.data = r.data[0], r.data[1:]
	case r.end != "":
		b, r.end = r.end[0], r.end[1:]
	default:
		err = io.EOF
	}
	return b, err
}

// Inflate appends the decompressed message to dst. If len(dst) would exceed limit, it stops and returns ErrTooLarge.
func Inflate(dst, message []byte, limit int) ([]byte, error) {
	i := inflaters.Get().(*inflater)
	defer inflaters.Put(i)
	i.in = messageReader{message, messageEnd}
	defer func() { i.in = messageReader{} }()
	i.reader.(flate.Resetter).Reset(&i.in, nil) // does not fail
	for {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, min(max(len(dst), 512), limit-len(dst))+1)
		}
		space := dst[len(dst):cap(dst)]
		if left := limit - len(dst); left < len(space) {
			space = space[:left+1] // one byte more than the limit, to detect that it is exceeded
		}
		n, err := i.reader.Read(space)
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst, ErrTooLarge
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, errInflate
		}
	}
}
