package parser

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/parleyio/parley/internal/payload"
)

// JSON is the default parser. A packet is a text message with a JSON payload, followed by one binary message for each
// attachment (socket.io-protocol v5). It has no state: all values are equal.
type JSON struct{}

var _ Parser = JSON{}

// NewDecoder returns a decoder for one connection. The namespace of its packets is never empty: the default namespace is
// "/".
//
// It returns an error for some packets that the Node parser accepts and that would leave a peer waiting or use memory for
// nothing: an event without a payload, an acknowledgement with neither id nor payload, a count or an id that is not plain
// decimal digits, and two references to the same attachment.
func (JSON) NewDecoder(l Limits) Decoder {
	return &decoder{limits: l.WithDefaults()}
}

// HasAttachments returns true.
func (JSON) HasAttachments() bool { return true }

type decoder struct {
	limits    Limits
	namespace latest
	event     latest
	half      *halfPacket // nil unless attachments are awaited
}

// halfPacket is a packet that still waits for attachments.
type halfPacket struct {
	Packet
	name    string // of the event
	args    int    // where its arguments begin
	awaited int    // attachments that have not arrived
	free    int    // bytes that they may have together
}

// latest is the most recent string in one place of a packet. Most connections send the same string there again and again;
// it is then allocated only once.
type latest string

// of returns the bytes as a string.
func (l *latest) of(b []byte) string {
	if string(b) != string(*l) {
		*l = latest(b)
	}
	return string(*l)
}

func (d *decoder) Waiting() bool { return d.half != nil }

func (d *decoder) Add(data []byte, binary bool) (*Packet, error) {
	p, _, _, err := d.AddEvent(data, binary)
	return p, err
}

// AddEvent is Add for servers and clients. For an event it also returns the name, which the decoder has already parsed, and
// the offset in Data at which payload.Next finds the arguments.
func (d *decoder) AddEvent(data []byte, binary bool) (p *Packet, name string, args int, err error) {
	if p, name, args, err = d.add(data, binary); err != nil {
		d.half = nil
	}
	return p, name, args, err
}

func (d *decoder) add(data []byte, binary bool) (p *Packet, name string, args int, err error) {
	switch {
	case binary && d.half == nil:
		return nil, "", 0, &SyntaxError{"binary message, but no packet waits for an attachment", 0}
	case binary:
		return d.attach(data)
	case d.half != nil:
		return nil, "", 0, &SyntaxError{"text message, but the packet waits for an attachment", 0}
	case !utf8.Valid(data):
		return nil, "", 0, &SyntaxError{"text is not valid UTF-8", 0}
	}
	h, err := d.header(data)
	if err != nil {
		return nil, "", 0, err
	}
	text, name, args, err := d.payload(data, &h)
	if err != nil {
		return nil, "", 0, err
	}
	if h.attachments > 0 {
		d.half = &halfPacket{
			Packet: Packet{Type: h.kind, Namespace: h.namespace, ID: h.id, HasID: h.hasID, Data: payload.Clone(text)},
			name:   name, args: args, awaited: h.attachments, free: d.limits.AttachmentBytes,
		}
		return nil, "", 0, nil
	}
	p = newPacket(text, &h)
	p.Type, p.Namespace, p.ID, p.HasID = h.kind, h.namespace, h.id, h.hasID
	return p, name, args, nil
}

// smallPacket holds a packet and its payload in one allocation instead of two. A reference to a part of the payload keeps
// the whole packet in memory, so packets with attachments and packets that are kept for long do not use it.
type smallPacket struct {
	Packet
	payload [104]byte // makes the struct fill a size class of the allocator
}

// newPacket returns a packet without attachments. It copies the payload; nil stays nil.
func newPacket(text []byte, h *header) *Packet {
	small := text != nil && len(text) <= len(smallPacket{}.payload)
	if !small || h.kind != Event && h.kind != Ack {
		p := new(Packet)
		if text != nil {
			p.Data = payload.Clone(text)
		}
		return p
	}
	p := new(smallPacket)
	n := copy(p.payload[:], text)
	p.Data = p.payload[:n:n]
	return &p.Packet
}

// attach adds a binary message to the half-built packet.
func (d *decoder) attach(data []byte) (p *Packet, name string, args int, err error) {
	half := d.half
	if len(data) > half.free {
		return nil, "", 0, beyond("AttachmentBytes", "attachments are too large", half.free)
	}
	half.free -= len(data)
	half.Attachments = append(half.Attachments, payload.Clone(data))
	if half.awaited--; half.awaited > 0 {
		return nil, "", 0, nil
	}
	d.half = nil
	return &half.Packet, half.name, half.args, nil
}

// header is the part of a packet before the payload: type [attachments "-"] [namespace ","] [ack-id].
type header struct {
	kind        Type // without the binary variants
	attachments int
	namespace   string
	id          uint64
	hasID       bool
	end         int
}

func (d *decoder) header(data []byte) (h header, err error) {
	if len(data) == 0 {
		return h, &SyntaxError{"empty packet", 0}
	}
	if data[0] < '0' || data[0] > '6' {
		return h, &SyntaxError{"unknown packet type", 0}
	}
	h.kind = Type(data[0] - '0')
	i := 1
	if h.kind == binaryEvent || h.kind == binaryAck {
		h.kind -= binaryEvent - Event
		if h.attachments, i, err = d.count(data, i); err != nil {
			return h, err
		}
	}
	if h.namespace, i, err = d.namespaceAt(data, i); err != nil {
		return h, err
	}
	if h.id, h.end, err = ackID(data, i); err != nil {
		return h, err
	}
	h.hasID = h.end > i
	if h.kind != Event && h.kind != Ack {
		h.id, h.hasID = 0, false // the Node parser ignores the id of other types, too
	}
	return h, nil
}

// count reads the number of attachments and the dash behind it.
func (d *decoder) count(data []byte, i int) (n, end int, err error) {
	start := i
	for ; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		if i-start == 4 {
			return 0, 0, beyond("Attachments", "too many attachments", start)
		}
		n = n*10 + int(data[i]-'0')
	}
	switch {
	case i == start || i == len(data) || data[i] != '-' || n == 0:
		return 0, 0, &SyntaxError{"illegal number of attachments", start}
	case n > d.limits.Attachments:
		return 0, 0, beyond("Attachments", "too many attachments", start)
	}
	return n, i + 1, nil
}

// namespaceAt reads the namespace with its query, and the comma behind it. Without a comma the namespace extends to the end
// of the message.
func (d *decoder) namespaceAt(data []byte, i int) (name string, end int, err error) {
	if i == len(data) || data[i] != '/' {
		return "/", i, nil
	}
	raw := data[i:]
	// To find the comma or to refuse the name, one byte more than the limit is enough.
	if len(raw) > d.limits.Namespace {
		raw = raw[:d.limits.Namespace+1]
	}
	end = len(data)
	if comma := bytes.IndexByte(raw, ','); comma >= 0 {
		raw, end = raw[:comma], i+comma+1
	} else if len(raw) > d.limits.Namespace {
		return "", 0, beyond("Namespace", "namespace is too long", i)
	}
	if len(raw) == 1 {
		return "/", end, nil
	}
	return d.namespace.of(raw), end, nil
}

// ackID reads the digits of an acknowledgement id. Without digits, end is i.
func ackID(data []byte, i int) (id uint64, end int, err error) {
	start := i
	for ; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		digit := uint64(data[i] - '0')
		if i-start == 20 || id > (math.MaxUint64-digit)/10 {
			return 0, 0, &SyntaxError{"acknowledgement id is too large", start}
		}
		id = id*10 + digit
	}
	return id, i, nil
}

// payload checks the payload that follows the header against the rules of the packet's type. It returns the payload without
// the white space around it, or nil when there is none. For an event it also returns the name and the offset of the
// arguments.
func (d *decoder) payload(data []byte, h *header) (text []byte, name string, args int, err error) {
	start := h.end
	if start == len(data) {
		if h.kind == Event || h.kind == Ack && !h.hasID || h.attachments > 0 {
			return nil, "", 0, &SyntaxError{"packet without a payload", start}
		}
		return nil, "", 0, nil
	}
	if h.kind == Disconnect {
		return nil, "", 0, &SyntaxError{"disconnect packet with a payload", start}
	}
	start = payload.SkipSpace(data, start)
	end, err := payload.Validate(data, start, d.limits.Depth)
	if err != nil {
		return nil, "", 0, ownError(err)
	}
	if rest := payload.SkipSpace(data, end); rest < len(data) {
		return nil, "", 0, &SyntaxError{"text behind the payload", rest}
	}
	text = data[start:end]
	fits := true
	switch h.kind {
	case Connect:
		fits = text[0] == '{'
	case ConnectError:
		fits = text[0] == '{' || text[0] == '"'
	case Event, Ack:
		fits = text[0] == '['
	}
	if !fits {
		return nil, "", 0, &SyntaxError{"invalid payload for this packet type", start}
	}
	if h.kind == Event {
		raw, rest, err := eventName(text, start, d.limits.EventName)
		if err != nil {
			return nil, "", 0, err
		}
		name, args = d.event.of(raw), rest
	}
	if h.attachments > 0 {
		// Checked before the attachments arrive, so that none are kept for an invalid packet.
		var few [8]payload.Mark
		if _, err := payload.FindPlaceholders(few[:0], text, h.attachments); err != nil {
			return nil, "", 0, &SyntaxError{err.Reason, err.Offset + start}
		}
	}
	return text, name, args, nil
}

// eventName returns the name of an event and the offset of its arguments. The array begins at the given offset of the
// message.
func eventName(text []byte, offset, limit int) (name []byte, rest int, err error) {
	raw, rest, ok := payload.Next(text, 0)
	if !ok {
		return nil, 0, &SyntaxError{"event without a name", offset}
	}
	// A name without escapes needs no copy.
	name = raw
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		name = raw[1 : len(raw)-1]
	case raw[0] == '"' && (len(raw)-2)/len(`\u0000`) > limit:
		return nil, 0, beyond("EventName", "event name is too long", offset)
	case raw[0] == '"':
		s, err := payload.Unquote(raw)
		if err != nil {
			return nil, 0, &SyntaxError{"invalid event name", offset}
		}
		name = []byte(s)
	case raw[0] != '-' && (raw[0] < '0' || raw[0] > '9'):
		return nil, 0, &SyntaxError{"event name is neither a string nor a number", offset}
	}
	if len(name) > limit {
		return nil, 0, beyond("EventName", "event name is too long", offset)
	}
	if payload.Reserved(string(name)) {
		return nil, 0, &SyntaxError{"reserved event name", offset}
	}
	return name, rest, nil
}
