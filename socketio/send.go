package socketio

import (
	"errors"
	"sync"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// send encodes a packet for this connection alone and hands it over without blocking.
func (c *connection) send(p *parser.Packet) error { return c.sendPacket(p, sending{}) }

// sendPacket is send for packets that are sent in their own way.
func (c *connection) sendPacket(p *parser.Packet, how sending) error {
	if c.server.json && len(p.Attachments) == 0 {
		scratch := scratches.Get().(*[]byte)
		defer giveScratch(scratch)
		text, err := parser.JSON{}.AppendEncode((*scratch)[:0], p)
		*scratch = text
		if err != nil {
			return err
		}
		return c.sendText(text, how)
	}
	var few [4]engineio.Message
	messages, err := c.server.appendMessages(few[:0], p, how)
	if err != nil {
		return err
	}
	return sendError(c.session.Send(messages...))
}

// sendText is sendPacket for the text of a packet that has no attachments. The bytes may be used again after the call.
func (c *connection) sendText(text []byte, how sending) error {
	return sendError(c.session.Send(how.message(text, false)))
}

// sendError is the error of a session, except that it is no failure to drop what may be dropped.
func sendError(err error) error {
	if errors.Is(err, ErrDropped) {
		return nil
	}
	return err
}

// scratches are buffers for packets that go to one connection only.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// giveScratch takes a buffer back, unless it has grown too large to keep.
func giveScratch(b *[]byte) {
	if cap(*b) <= 64<<10 {
		scratches.Put(b)
	}
}

// sending is how a packet is sent.
type sending struct {
	plain      bool // not compressed
	expendable bool // may be dropped where the queue is full
}

// message is a message that is sent this way.
func (how sending) message(data []byte, binary bool) engineio.Message {
	return engineio.Message{Data: data, Binary: binary, NoCompress: how.plain, Expendable: how.expendable}
}

// expendable reports whether a packet of the namespace may be dropped.
func (n *Namespace) expendable(p *parser.Packet) bool {
	policy := n.server.slow
	for _, r := range n.registries { // the namespace's own comes last
		if own := r.slow.Load(); own != nil {
			policy = own
		}
	}
	if len(policy.dropOldest) == 0 || p.Type != parser.Event || p.HasID {
		return false
	}
	name, _, err := payload.EventName(p.Data)
	if err != nil {
		return false
	}
	_, named := policy.dropOldest[name]
	return named
}

// prepare encodes a packet for any number of sessions.
func (s *Server) prepare(p *parser.Packet, how sending) (*engineio.Prepared, error) {
	var few [4]engineio.Message
	messages, err := s.appendMessages(few[:0], p, how)
	if err != nil {
		return nil, err
	}
	return engineio.Prepare(messages...), nil
}

// appendMessages appends the messages that carry a packet.
func (s *Server) appendMessages(dst []engineio.Message, p *parser.Packet, how sending) ([]engineio.Message, error) {
	frames, err := s.opts.Parser.Encode(p)
	for _, f := range frames {
		dst = append(dst, how.message(f.Data, f.Binary))
	}
	return dst, err
}
