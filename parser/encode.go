package parser

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parleyio/parley/internal/payload"
)

// Encode returns the text message of a packet and behind it its attachments. A packet that has attachments becomes a
// binary event or a binary acknowledgement. The attachments are not copied.
//
// The error wraps [ErrInvalidPacket]: an unknown type, a payload that the type does not have or lacks, an
// acknowledgement without an id, a namespace without its slash or with a comma, more than 9,999 attachments. Data is
// taken to be valid JSON that fits the type.
func (JSON) Encode(p *Packet) ([]Frame, error) {
	// Room for the type, a count and its dash, an id, and a comma behind the namespace.
	text, err := appendJSON(make([]byte, 0, 1+5+len(p.Namespace)+1+20+len(p.Data)), p)
	if err != nil {
		return nil, err
	}
	frames := make([]Frame, 1, 1+len(p.Attachments))
	frames[0] = Frame{Data: text}
	for _, a := range p.Attachments {
		frames = append(frames, Frame{Data: a, Binary: true})
	}
	return frames, nil
}

// AppendEncode encodes a packet that has no attachments, which is one text message, behind dst: it spares the memory of one
// that goes to a single connection. The result shares no memory with p. Its errors are those of Encode.
func (JSON) AppendEncode(dst []byte, p *Packet) ([]byte, error) { return appendJSON(dst, p) }

// appendJSON appends the text message of a packet.
func appendJSON(dst []byte, p *Packet) ([]byte, error) {
	kind, err := wireType(p)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '0'+byte(kind))
	if n := len(p.Attachments); n > 0 {
		dst = strconv.AppendInt(dst, int64(n), 10)
		dst = append(dst, '-')
	}
	if p.Namespace != "" && p.Namespace != "/" {
		dst = append(dst, p.Namespace...)
		dst = append(dst, ',')
	}
	if p.HasID && (p.Type == Event || p.Type == Ack) {
		dst = strconv.AppendUint(dst, p.ID, 10)
	}
	return append(dst, p.Data...), nil
}

var errBadNamespace = fmt.Errorf("%w: bad namespace", ErrInvalidPacket)

// badNamespace reports whether a name cannot stand on the wire.
func badNamespace(name string) bool {
	return name != "" && name[0] != '/' || strings.IndexByte(name, ',') >= 0
}

// wireType returns the digit's value under which p travels.
func wireType(p *Packet) (Type, error) {
	kind := p.Type
	if n := len(p.Attachments); n > payload.MaxAttachments {
		return 0, fmt.Errorf("%w: %d attachments", ErrInvalidPacket, n)
	} else if n > 0 {
		kind += binaryEvent - Event
	}
	var reason string
	switch {
	case p.Type > ConnectError:
		reason = "unknown type"
	case kind != p.Type && p.Type != Event && p.Type != Ack:
		reason = "attachments in a packet that is neither event nor acknowledgement"
	case (p.Type == Event || p.Type == Ack) && len(p.Data) == 0:
		reason = "no payload"
	case p.Type == Ack && !p.HasID:
		reason = "acknowledgement without an id"
	case p.Type == Disconnect && len(p.Data) > 0:
		reason = "disconnect with a payload"
	case badNamespace(p.Namespace):
		return 0, errBadNamespace
	default:
		return kind, nil
	}
	return 0, fmt.Errorf("%w: %s", ErrInvalidPacket, reason)
}
