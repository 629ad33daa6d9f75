package message

import (
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Decoder assembles packets from the messages of one connection, like [parser.Decoder], and also returns the names of
// events. A decoder that checks names parses each name only once.
type Decoder interface {
	// AddEvent is like Add of parser.Decoder. For an event it also returns the name and the offset of the arguments in Data.
	AddEvent(data []byte, binary bool) (p *parser.Packet, name string, args int, err error)
}

// NewDecoder returns a Decoder for a connection with this format. The decoders of package parser implement Decoder; others
// are wrapped.
func NewDecoder(format parser.Parser, l parser.Limits) Decoder {
	d := format.NewDecoder(l)
	if named, ok := d.(Decoder); ok {
		return named
	}
	return scanner{d}
}

// scanner adds names to a decoder that does not return them.
type scanner struct{ parser.Decoder }

// AddEvent implements Decoder. If the name of an event cannot be read, it is empty.
func (s scanner) AddEvent(data []byte, binary bool) (p *parser.Packet, name string, args int, err error) {
	p, err = s.Add(data, binary)
	if err != nil || p == nil || p.Type != parser.Event {
		return p, "", 0, err
	}
	if name, args, err = payload.EventName(p.Data); err != nil {
		name, args = "", 0
	}
	return p, name, args, nil
}
