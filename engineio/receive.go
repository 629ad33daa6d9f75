package engineio

import (
	"errors"

	"github.com/parleyio/parley/internal/eio"
)

var errClosedByPacket = errors.New("engineio: closed by the client's close packet")

// receivePacket handles one packet of the main transport. An *endError says how the session ends. inline says that the
// goroutine may be replaced as the one that reads.
func (s *Session) receivePacket(p eio.Packet, inline bool) error {
	if p.Type != eio.TypePong {
		s.alive()
	}
	switch p.Type {
	case eio.TypeMessage:
		if inline && s.inline != nil {
			s.inline.MessageInline(p.Data, p.Binary)
		} else {
			s.handler.Message(p.Data, p.Binary)
		}
	case eio.TypePong:
		return s.pong()
	case eio.TypePing:
		return s.ping()
	case eio.TypeClose:
		return &endError{TransportClose, errClosedByPacket}
	}
	return nil // open, upgrade and noop mean nothing here
}
