package message

import (
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// Decoder collects the messages of one connection into packets, as [parser.Decoder] does, and finds the names of events: once
// for each, where a decoder checks them anyway.
type Decoder interface {
	// AddEvent is parser.Decoder's Add. Of an event it also returns the name, and where in Data its arguments begin.
	AddEvent(data []byte, binary bool) (p *parser.Packet, name string, args int, err error)
}

// NewDecoder returns a Decoder for a connection on which packets have this format. Those of package parser are ones.
func NewDecoder(format parser.Parser, l parser.Limits) Decoder {
	d := format.NewDecoder(l)
	if named, ok := d.(Decoder); ok {
		return named
	}
	return scanner{d}
}

// scanner is the decoder of another format, which knows nothing of names.
type scanner struct{ parser.Decoder }

// AddEvent implements Decoder. An event without a name that can be read has none.
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
