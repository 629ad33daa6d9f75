package parser

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parleyio/parley/internal/payload"
)

// Encode returns the text message of a packet, followed by its attachments. A packet with attachments is encoded as a
// binary event or a binary acknowledgement. The attachments are not copied.
//
// The error wraps [ErrInvalidPacket]. The reasons are: an unknown type; a missing payload, or a payload where the type has
// none; an acknowledgement without an id; a namespace that lacks the leading slash or contains a comma; more than 9,999
// attachments. Encode does not check that Data is valid JSON of the right kind.
func (JSON) Encode(p *Packet) ([]Frame, error) {
	// Enough for the type, a count with its dash, the namespace with its comma, an id and the data.
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

// AppendEncode appends the text message of a packet without attachments to dst. It saves an allocation for a packet that is
// sent to a single connection. The result shares no memory with p. The errors are those of Encode.
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

// badNamespace reports whether a packet cannot carry the name.
func badNamespace(name string) bool {
	return name != "" && name[0] != '/' || strings.IndexByte(name, ',') >= 0
}

// wireType returns the packet type that is sent for p: one of the binary types when p has attachments.
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
