package engineio

import (
	"compress/flate"
	"fmt"

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

// deflater returns what compresses for all sessions of a server, or nil when d is nil.
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
		return nil, fmt.Errorf("engineio: Options.PerMessageDeflate.Level is %d, which package flate does not have", d.Level)
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
