package pipe

import (
	"encoding/binary"
	"io"

	"github.com/parleyio/parley/internal/eio"
)

// A record is the wire form of a packet: its type, a flag, the length of its data and the data.
const (
	headerSize = 6
	// typeEnd is the type of the last record of a side.
	typeEnd eio.Type = 0
	// typeSession is the type of a first record that names the session which the client upgrades.
	typeSession eio.Type = 's'
)

func appendRecord(dst []byte, p eio.Packet) []byte {
	var flag byte
	if p.Binary {
		flag = 1
	}
	dst = append(dst, byte(p.Type), flag)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Data)))
	return append(dst, p.Data...)
}

func appendRecords(dst []byte, packets []eio.Packet) []byte {
	for _, p := range packets {
		dst = appendRecord(dst, p)
	}
	return dst
}

// size returns the number of bytes that appendRecords appends.
func size(packets []eio.Packet) int {
	n := 0
	for _, p := range packets {
		n += headerSize + len(p.Data)
	}
	return n
}

// readRecord reads a record with at most limit bytes of data.
func readRecord(r io.Reader, limit int) (eio.Packet, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return eio.Packet{}, err
	}
	p := eio.Packet{Type: eio.Type(header[0]), Binary: header[1] == 1}
	n := binary.BigEndian.Uint32(header[2:])
	if int64(n) > int64(limit) {
		return p, eio.ErrTooLarge
	}
	p.Data = make([]byte, n)
	_, err := io.ReadFull(r, p.Data)
	return p, err
}
