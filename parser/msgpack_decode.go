package parser

import (
	"bytes"

	"github.com/tinylib/msgp/msgp"

	"github.com/parleyio/parley/internal/payload"
)

type msgpackDecoder struct {
	limits    Limits
	namespace latest
	event     latest
}

func (*msgpackDecoder) Waiting() bool { return false }

func (d *msgpackDecoder) Add(data []byte, binary bool) (*Packet, error) {
	p, _, _, err := d.AddEvent(data, binary)
	return p, err
}

// AddEvent is like that of the JSON decoder.
func (d *msgpackDecoder) AddEvent(data []byte, binary bool) (p *Packet, name string, args int, err error) {
	if !binary {
		return nil, "", 0, &SyntaxError{"text message, but MessagePack packets are binary", 0}
	}
	u := unpackers.Get().(*unpacker)
	defer u.free()
	u.limits, u.size, u.rest = d.limits, len(data), data
	e, err := u.envelope()
	if err != nil {
		return nil, "", 0, err
	}
	if err := e.check(u); err != nil {
		return nil, "", 0, err
	}
	p = &Packet{Type: e.kind, Namespace: d.namespace.of(e.namespace)}
	if e.kind == Event {
		raw, rest, err := eventName(u.text, e.dataAt, d.limits.EventName)
		if err != nil {
			return nil, "", 0, err
		}
		name, args = d.event.of(raw), rest
	}
	if e.kind == Event || e.kind == Ack {
		p.ID, p.HasID = e.id, e.hasID // the Node parser ignores the id of other types, too
	}
	if len(u.text) > 0 {
		p.Data = u.takeText()
	}
	if len(u.attachments) > 0 {
		p.Attachments = make([][]byte, len(u.attachments))
		for i, a := range u.attachments {
			p.Attachments[i] = payload.Clone(a)
		}
	}
	return p, name, args, nil
}

// envelope holds the fields of a packet's map, except the data.
type envelope struct {
	kind      Type
	namespace []byte
	id        uint64
	hasID     bool

	// Offsets of the values; 0 means that the key is missing, because no value can begin there.
	kindAt, dataAt, namespaceAt, idAt int
}

// envelope reads the packet and leaves its data in u.text. It does not check the data against the type.
func (u *unpacker) envelope() (e envelope, err error) {
	if len(u.rest) == 0 {
		return e, u.fail("empty packet")
	}
	if msgp.NextType(u.rest) != msgp.MapType {
		return e, u.fail("packet is not a map")
	}
	n, err := u.members()
	if err != nil {
		return e, err
	}
	for range n {
		if err := u.member(&e); err != nil {
			return e, err
		}
	}
	if len(u.rest) > 0 {
		return e, u.fail("bytes behind the packet")
	}
	return e, nil
}

// member reads one key of the packet and its value.
func (u *unpacker) member(e *envelope) error {
	keyAt := u.offset()
	if msgp.NextType(u.rest) != msgp.StrType {
		return u.fail("key of the packet is not a string")
	}
	key, err := u.str()
	if err != nil {
		return err
	}
	var at *int
	switch string(key) {
	case keyType:
		at = &e.kindAt
	case keyData:
		at = &e.dataAt
	case keyNamespace:
		at = &e.namespaceAt
	case keyID:
		at = &e.idAt
	default:
		return u.skip()
	}
	if *at != 0 {
		return &SyntaxError{"key of the packet occurs twice", keyAt}
	}
	*at = u.offset()
	switch at {
	case &e.kindAt:
		e.kind, err = u.packetType()
	case &e.namespaceAt:
		e.namespace, err = u.namespace()
	case &e.idAt:
		e.id, e.hasID, err = u.ackID()
	default:
		err = u.value(u.limits.Depth)
	}
	return err
}

func (u *unpacker) packetType() (Type, error) {
	at := u.offset()
	n, ok, err := u.integer()
	if err != nil {
		return 0, err
	}
	if !ok || n > uint64(ConnectError) {
		return 0, &SyntaxError{"unknown packet type", at}
	}
	return Type(n), nil
}

func (u *unpacker) namespace() ([]byte, error) {
	at := u.offset()
	if msgp.NextType(u.rest) != msgp.StrType {
		return nil, u.fail("namespace is not a string")
	}
	name, err := u.str()
	switch {
	case err != nil:
		return nil, err
	case len(name) > u.limits.Namespace:
		return nil, beyond("Namespace", "namespace is too long", at)
	case len(name) == 0 || name[0] != '/' || bytes.IndexByte(name, ',') >= 0:
		// The packet may be passed on as JSON, where a comma ends the name.
		return nil, &SyntaxError{"invalid namespace", at}
	}
	return name, nil
}

func (u *unpacker) ackID() (id uint64, ok bool, err error) {
	if u.undefined() {
		return 0, false, nil
	}
	at := u.offset()
	if id, ok, err = u.integer(); err == nil && !ok {
		err = &SyntaxError{"invalid acknowledgement id", at}
	}
	return id, ok, err
}

// check checks the packet against the rules of its type (socket.io-msgpack-parser, isDataValid).
func (e *envelope) check(u *unpacker) error {
	switch {
	case e.kindAt == 0:
		return u.fail("packet without a type")
	case e.namespaceAt == 0:
		return u.fail("packet without a namespace")
	}
	var first byte // of the data; 0 for none
	if len(u.text) > 0 {
		first = u.text[0]
	}
	fits := true
	switch e.kind {
	case Connect:
		fits = first == 0 || first == '{'
	case Disconnect:
		fits = first == 0
	case ConnectError:
		fits = first == '{' || first == '"'
	case Event, Ack:
		fits = first == '['
	}
	switch binary := len(u.attachments) > 0; {
	case !fits && e.dataAt == 0:
		return u.fail("packet without a payload")
	case !fits:
		return &SyntaxError{"invalid payload for this packet type", e.dataAt}
	case binary && e.kind != Event && e.kind != Ack:
		return &SyntaxError{"attachment in a packet that is neither event nor acknowledgement", e.dataAt}
	case binary && u.forgedAt != 0:
		return &SyntaxError{"object with _placeholder: true in a packet with attachments", u.forgedAt}
	}
	return nil
}
