package engineio

import (
	"errors"

	"github.com/parleyio/parley/internal/eio"
)

var errClosedByPacket = errors.New("engineio: closed by the client's close packet")

// receivePacket handles one packet of the session's transport. An *endError means that the packet ends the session. inline
// allows the handler to hand the reading over to another goroutine.
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
	return nil // open, upgrade and noop have no effect here
}
