package engineio

import (
	"compress/flate"
	"fmt"
	"net/http"

	"github.com/parleyio/parley/internal/eio"
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
func newDeflater(o *Deflate) (*eio.Deflater, error) {
	if o == nil {
		return nil, nil
	}
	level := o.Level
	if level == flate.NoCompression {
		level = flate.BestSpeed
	}
	d, err := eio.NewDeflater(threshold(o.Threshold), level)
	if err != nil {
		return nil, fmt.Errorf("engineio: Options.PerMessageDeflate.Level is %d, which package flate does not have", o.Level)
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

// negotiate answers a websocket's offer of permessage-deflate in the headers of the 101. It returns what the connection
// compresses with, or nil. A connection that wants base64 is not compressed: nobody who asks for it could tell.
func (s *Server) negotiate(h http.Header, r *http.Request, base64 bool) *eio.Deflater {
	if s.deflate == nil || base64 {
		return nil
	}
	answer := eio.AcceptDeflate(r.Header["Sec-Websocket-Extensions"])
	if answer == "" {
		return nil
	}
	h.Set("Sec-Websocket-Extensions", answer)
	return s.deflate
}

// useDeflate makes the connection compress, when that has been negotiated. It is called before anything is sent.
func (c *wsConn) useDeflate(d *eio.Deflater) {
	c.deflate = d
	c.in.frames.Inflates = d != nil
}

// deflateFirst reports whether making the frames of the group takes its time, so that it should not be done under the
// session's lock.
func (c *wsConn) deflateFirst(p *Prepared) bool {
	return c != nil && c.deflate != nil && p.forms[c.form.Deflated(p.binary)].Load() == nil && c.deflate.Wants(p.packets)
}

// framesOf returns the frames of a group as this connection takes them.
func (c *wsConn) framesOf(p *Prepared) []byte {
	frames := p.wire(c.form)
	if !c.deflate.Wants(p.packets) {
		return frames
	}
	deflated := &p.forms[c.form.Deflated(p.binary)]
	if made := deflated.Load(); made != nil {
		return *made
	}
	scratch := takeWriteBuffer()
	made := c.deflate.Frames(frames, p.packets, scratch)
	giveWriteBuffer(scratch)
	deflated.Store(&made)
	return made
}
