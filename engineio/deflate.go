package engineio

import (
	"compress/flate"
	"fmt"

	"github.com/parleyio/parley/internal/eio"
)

// Deflate configures permessage-deflate (RFC 7692), the compression of websocket messages. Neither side keeps state from
// one message to the next (no context takeover), so an idle connection holds no compressor and a broadcast is compressed
// once for all its receivers.
type Deflate struct {
	// Threshold is the size in bytes from which messages to clients are compressed. Zero means 1,024. A negative value
	// means that all messages are compressed.
	Threshold int
	// Level is a level of package flate, from HuffmanOnly to BestCompression. Zero means BestSpeed: it needs less than half
	// the time of flate.DefaultCompression, and its output is only a little larger.
	Level int
}

// defaultThreshold is the size in bytes from which messages are compressed. It is the reference's.
const defaultThreshold = 1024

// deflater returns the compressor for all sessions of a server, or nil when d is nil.
func (d *Deflate) deflater() (*eio.Deflater, error) {
	if d == nil {
		return nil, nil
	}
	level := d.Level
	if level == flate.NoCompression {
		level = flate.BestSpeed
	}
	deflater, err := eio.NewDeflater(threshold(d.Threshold), level)
	if err != nil {
		return nil, fmt.Errorf("engineio: Options.PerMessageDeflate.Level is %d, which is not a level of package flate", d.Level)
	}
	return deflater, nil
}

// threshold replaces zero by the default and a negative value by the smallest one.
func threshold(n int) int {
	if n == 0 {
		return defaultThreshold
	}
	return max(n, 0)
}
